using Pith.Compression.Data;
using Pith.Ops;

namespace Pith.Cli.Tests;

/// <summary><c>pith compare</c>: what it lets pass, and what it does not.</summary>
public sealed class CompareTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Expected_outputs_are_met_by_all_three_runners_at_the_batch_of_the_data()
    {
        var model = Save("net.onnx", Affine());
        foreach (var (set, batch) in ((int, int)[])[(0, 2), (1, 5)]) WriteDataSet(_folder.File($"test_data_set_{set}"), batch);
        var result = PithCommand.Run("compare", model, "--test-data", _folder.Path, "--json").Ends(0).Json;
        Assert.True(result.GetProperty("passes").GetBoolean());
        Assert.Equal(["interpreter", "reference", "engine", "interpreter", "reference", "engine"], result.GetProperty("runs").EnumerateArray().Select(run => run.GetProperty("runner").GetString()));
        PithCommand.Run("compare", model, "--test-data", _folder.File("test_data_set_1")).Ends(0);
    }

    [Fact]
    public void A_wrong_output_is_named_with_place_and_values()
    {
        var model = Save("net.onnx", Affine());
        WriteDataSet(_folder.File("test_data_set_0"), 2, wrong: 0.1f);
        var result = PithCommand.Run("compare", model, "--test-data", _folder.Path).Ends(1);
        foreach (var said in (string[])["test_data_set_0", "interpreter", "reference", "engine", "second", "1 of 4 elements differ, first at [1,1]", "expected 3.1, got 3"]) Assert.Contains(said, result.Output.ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.Contains("3 of 3 runs", result.Error, StringComparison.Ordinal);
        PithCommand.Run("compare", model, "--test-data", _folder.Path, "--atol", "0.2").Ends(0);
        PithCommand.Run("compare", model, "--test-data", _folder.Path, "--rtol", "0.1").Ends(0);
    }

    [Fact]
    public void Data_that_does_not_belong_to_the_model_is_refused()
    {
        var model = Save("net.onnx", Affine());
        Assert.Contains("no test data", PithCommand.Run("compare", model, "--test-data", _folder.Path).Refuses(1).Error, StringComparison.Ordinal);
        WriteDataSet(_folder.File("test_data_set_0"), 1);
        File.Delete(_folder.File("test_data_set_0/output_1.pb"));
        Assert.Contains("has 1 outputs, the network has 2", PithCommand.Run("compare", model, "--test-data", _folder.Path).Refuses(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
        File.Delete(_folder.File("test_data_set_0/input_0.pb"));
        Assert.Contains("has 0 inputs, the network takes 1", PithCommand.Run("compare", model, "--test-data", _folder.Path).Refuses(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public void Identical_looks_at_bits_and_at_what_has_no_partner()
    {
        var model = Save("net.onnx", Affine());
        PithCommand.Run("compare", model, model, "--identical").Ends(0);
        foreach (var (name, other, said) in ((string, Graph, string)[])
        [
            ("bits.onnx", Affine(zero: -0f), "the first difference is in 'second'"),
            ("renamed.onnx", Affine(second: "third"), "first 'second': the other network has no tensor of this name"),
            ("fewer.onnx", Affine(second: null), "first 'second': the other network has no tensor of this name"),
            ("type.onnx", Affine(type: DataType.Float64), "it is f32[1,2] in the reference and f64[1,2] in the other network"),
        ])
        {
            Save(name, other);
            Assert.Contains(said, PithCommand.Run("compare", model, _folder.File(name), "--identical").Ends(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
            if (name != "bits.onnx") Assert.Contains("Not identical", PithCommand.Run("compare", _folder.File(name), model, "--identical").Ends(1).Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_tensor_that_only_the_second_network_has_is_not_identical()
    {
        var model = Save("net.onnx", Affine());
        var more = Affine();
        more.AddOutput(more.AddNode(new Relu(), [more.Inputs[0]], "extra", ["extra"]).Output);
        Assert.Contains("'extra': the reference has no tensor of this name", PithCommand.Run("compare", model, Save("more.onnx", more), "--identical").Ends(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public void Signal_to_noise_is_asked_of_every_output()
    {
        var model = Save("net.onnx", Affine());
        PithCommand.Run("compare", model, Save("worse.onnx", Affine(firstBias: 1.5f)), "--min-snr", "60").Ends(1);
        Assert.Contains("'first'", PithCommand.Run("compare", model, _folder.File("worse.onnx"), "--min-snr", "60").Error, StringComparison.Ordinal);
        Assert.Contains("'second' cannot be compared", PithCommand.Run("compare", model, Save("fewer.onnx", Affine(second: null)), "--min-snr", "0").Ends(1).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Nan_and_infinities_on_both_sides_do_not_hide_other_errors()
    {
        var (reference, other) = (Tensor.Vector(float.PositiveInfinity, 1f, 2f, float.NaN), Tensor.Vector(float.PositiveInfinity, 1f, 4f, float.NaN));
        var signal = new SignalComparison();
        signal.Add(reference.Span, other.Span);
        Assert.Equal((0.97, 2), (Math.Round(signal.SnrDecibels, 2), signal.MaxAbsoluteError));
    }

    [Fact]
    public void A_name_may_hold_the_sign_of_stages()
    {
        Directory.CreateDirectory(_folder.File("a@b"));
        var model = Save("a@b/c@d.onnx", Affine());
        PithCommand.Run("compare", model + "@interpreter", model).Ends(0);
        PithCommand.Run("compare", model).Ends(0);
        File.Copy(model, model + "@engine");
        PithCommand.Run("compare", model + "@engine").Ends(0);
        Assert.Contains("is not a stage", PithCommand.Run("compare", _folder.File("a@absent.onnx")).Refuses(2).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public void A_network_of_fixed_batch_is_compared_in_whole_batches()
    {
        var graph = new Graph("fixed");
        graph.AddOutput(graph.AddNode(new Relu(), [graph.AddInput("x", TensorType.Float32(3, 3, 32, 32))], "relu", ["y"]).Output);
        var model = Save("fixed.onnx", graph);
        PithCommand.Run("compare", model + "@interpreter", model, "--identical").Ends(0);
        PithCommand.Run("compare", model + "@interpreter", model, "--identical", "--data", "procedural:count=8", "--count", "7").Ends(0);
    }

    [Fact]
    public void Images_of_another_size_or_number_of_channels_are_refused_with_both_shapes()
    {
        foreach (var (channels, size) in ((int, int)[])[(3, 40), (1, 32), (3, 16)])
        {
            var graph = new Graph("images");
            graph.AddOutput(graph.AddNode(new Relu(), [graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, size, size))], "relu", ["y"]).Output);
            var error = PithCommand.Run("compare", Save("net.onnx", graph), "--data", "procedural:count=8").Refuses(1).Error.ReplaceLineEndings(" ");
            Assert.Contains($"{channels}x{size}x{size}", error, StringComparison.Ordinal);
            Assert.Contains("3x32x32", error, StringComparison.Ordinal);
        }
    }

    private string Save(string name, Graph graph)
    {
        OnnxModel.Save(graph, _folder.File(name));
        return _folder.File(name);
    }

    // first = x + bias, second = x * 0 + (1, 2, …) so that it is known and has a zero whose sign can change.
    private static Graph Affine(float firstBias = 1, string? second = "second", float zero = 0, DataType type = DataType.Float32)
    {
        var graph = new Graph("affine");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 2));
        graph.AddOutput(graph.AddNode(new Add(), [x, graph.AddConstant("bias", Tensor.Vector(firstBias, 1f))], "first", ["first"]).Output);
        if (second is null) return graph;
        var clipped = graph.AddNode(new Mul(), [graph.AddNode(new Abs(), [x], "abs", ["abs"]).Output, graph.AddConstant("by", Tensor.Vector(zero, 1f))], "mul", ["mul"]).Output;
        graph.AddOutput(type == DataType.Float32 ? graph.AddNode(new Identity(), [clipped], "identity", [second]).Output : graph.AddNode(new Cast(type), [clipped], "cast", [second]).Output);
        return graph;
    }

    private static void WriteDataSet(string folder, int batch, float wrong = 0)
    {
        Directory.CreateDirectory(folder);
        var x = Tensor.Zeros<float>(new Shape(batch, 2));
        for (var i = 0; i < x.Length; i++) x.Data[i] = i;
        var graph = Affine();
        var outputs = GraphInterpreter.Run(graph, [x]);
        outputs[1].As<float>().Data[^1] += wrong;
        OnnxTensor.Save(Path.Combine(folder, "input_0.pb"), x);
        for (var i = 0; i < outputs.Length; i++) OnnxTensor.Save(Path.Combine(folder, $"output_{i}.pb"), outputs[i]);
    }
}
