using System.Text.Json;
using Pith.Ops;

namespace Pith.Cli.Tests;

/// <summary>What <c>pith explain</c> says about sparsity; never how fast anything is.</summary>
public sealed class ExplainTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_layer_is_explained_by_its_axis_its_pattern_and_the_times_of_its_kernels()
    {
        PithCommand.Run("prune", "cifar-resnet8", "--pattern", "16:2:4", "--exclude", "fc", "-o", _folder.File("s.onnx")).Ends(0);
        PithCommand.Run("quantize", _folder.File("s.onnx"), "--data", "procedural:count=8", "--samples", "8", "-o", _folder.File("s8.onnx")).Ends(0);
        var json = PithCommand.Run("explain", _folder.File("s8.onnx"), "--threads", "2", "--json").Ends(0).Json.GetProperty("explanation");
        var layers = json.GetProperty("layers").EnumerateArray().ToDictionary(layer => layer.GetProperty("name").GetString()!);

        Assert.False(layers["conv1"].GetProperty("is_eligible").GetBoolean());
        Assert.Contains("3 input channels", layers["conv1"].GetProperty("why_not_eligible").GetString(), StringComparison.Ordinal);
        var deep = layers["layer3.0.conv2"];
        Assert.Equal("16:2:4", deep.GetProperty("pattern").GetString());
        Assert.Equal((1, 64, 64, 1), (Number(deep, "reduction_axis"), Number(deep, "input_channels"), Number(deep, "output_channels"), Number(deep, "groups")));
        Assert.True(deep.GetProperty("zero_share").GetDouble() >= 0.5);
        Assert.Contains("not 32:2:4", deep.GetProperty("why_not_stricter").GetString(), StringComparison.Ordinal);
        Assert.True(layers["fc"].GetProperty("is_eligible").GetBoolean());
        Assert.False(layers["fc"].TryGetProperty("pattern", out _));
        Assert.Matches(@"of 4 are not zero at \[\d+, \d+\.\.\d+\]", layers["fc"].GetProperty("first_violation").GetString());

        Assert.Equal(1, layers.Values.Sum(layer => layer.GetProperty("time_share").GetDouble()), 1e-9);
        Assert.All(layers.Values.Where(layer => layer.TryGetProperty("is_eligible", out _)), layer =>
        {
            Assert.Contains(layer.GetProperty("kernels").EnumerateArray(), kernel => kernel.GetProperty("weight_form").GetString() == "dense");
            Assert.NotEmpty(layer.GetProperty("reason").GetString()!);
            Assert.NotEmpty(layer.GetProperty("tactic").GetString()!);
        });
        // What runs densely takes as long with dense kernels.
        if (Number(json, "layers_with_sparse_kernels") == 0) Assert.Equal(json.GetProperty("microseconds").GetDouble(), json.GetProperty("dense_microseconds").GetDouble(), 1e-6);
        Assert.Equal(layers.Values.Count(layer => layer.TryGetProperty("pattern", out _)), Number(json, "sparse_layers"));
    }

    [Fact]
    public void A_plan_is_explained_by_the_times_that_it_was_built_with()
    {
        PithCommand.Run("prune", "cifar-resnet8", "-o", _folder.File("s.onnx")).Ends(0);
        PithCommand.Run("quantize", _folder.File("s.onnx"), "--data", "procedural:count=8", "--samples", "8", "-o", _folder.File("s8.onnx")).Ends(0);
        var plan = _folder.File("s8.plan");
        var built = PithCommand.Run("build", _folder.File("s8.onnx"), "--batch", "3", "-o", plan, "--json").Ends(0).Json.GetProperty("layers");
        var json = PithCommand.Run("explain", plan, "--json").Ends(0).Json.GetProperty("explanation");
        Assert.Equal(3, Number(json, "batch"));
        var known = built.EnumerateArray().ToDictionary(layer => layer.GetProperty("name").GetString()!, Fastest);
        foreach (var layer in json.GetProperty("layers").EnumerateArray())
            foreach (var kernel in layer.GetProperty("kernels").EnumerateArray().Where(kernel => kernel.TryGetProperty("microseconds", out _)))
                Assert.Equal(1e6 * known[layer.GetProperty("name").GetString()!][kernel.GetProperty("weight_form").GetString()!], kernel.GetProperty("microseconds").GetDouble(), 1e-6);

        static Dictionary<string, double> Fastest(JsonElement layer) => layer.GetProperty("verdicts").EnumerateArray().Where(verdict => verdict.TryGetProperty("seconds", out _))
            .GroupBy(verdict => verdict.GetProperty("weight_form").GetString()!).ToDictionary(form => form.Key, form => form.Min(verdict => verdict.GetProperty("seconds").GetDouble()));
    }

    [Fact]
    public void The_first_weights_that_break_the_pattern_are_named_by_their_index()
    {
        var graph = new Graph("broken");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 8, 6, 6));
        var weight = Tensor.Zeros<float>(new Shape(4, 8, 3, 3));
        for (var k = 0; k < 4; k++)
            for (var tap = 0; tap < 9; tap++)
                foreach (var c in (int[])[0, 2, 5, 7]) weight.Span[(k * 8 + c) * 9 + tap] = 1;
        weight.Span[(2 * 8 + 6) * 9 + 5] = 1;
        graph.AddOutput(graph.AddNode(new Conv(), [x, graph.AddConstant("w", weight)], "conv").Output);
        OnnxModel.Save(graph, _folder.File("broken.onnx"));
        var text = PithCommand.Run("explain", _folder.File("broken.onnx")).Ends(0).Output;
        Assert.Contains("dense: 3 of 4 are not zero at [2, 4..7, 1, 2]", text.ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.Contains("1 of 1 layers with weights could be 2:4 sparse, 0 are", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_without_times_says_so()
    {
        PithCommand.Run("build", "cifar-resnet8", "--no-timing", "-o", _folder.File("net.plan")).Ends(0);
        Assert.Contains("not compared by timing", PithCommand.Run("explain", _folder.File("net.plan")).Ends(0).Output, StringComparison.Ordinal);
        PithCommand.Run("explain", _folder.File("missing.plan")).Refuses(1);
    }

    private static int Number(JsonElement json, string name) => json.GetProperty(name).GetInt32();
}
