using Pith.Ops;

namespace Pith.Cli.Tests;

/// <summary>A network that outputs NaN has no accuracy, and says so.</summary>
public sealed class NonFiniteTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Eval_fails_when_no_output_is_finite()
    {
        var result = PithCommand.Run("eval", Save(float.NaN, float.PositiveInfinity), "--data", "procedural:count=8", "--json").Ends(1);
        Assert.Equal(8, result.Json.GetProperty("non_finite_images").GetInt32());
        Assert.Contains("NaN or infinite for all 8 images", result.Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public void Eval_notes_outputs_of_which_some_are_finite()
    {
        var result = PithCommand.Run("eval", Save(float.NaN, 1), "--data", "procedural:count=8").Ends(0);
        Assert.Contains("NaN or infinity for 8 of 8 images", result.Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", PithCommand.Run("eval", Save(1, 1), "--data", "procedural:count=8").Ends(0).Error, StringComparison.Ordinal);
    }

    private string Save(float first, float others)
    {
        var graph = new Graph("net");
        var pooled = graph.AddNode(new GlobalAveragePool(), [graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 32, 32))], "pool", ["pooled"]).Output;
        var flat = graph.AddNode(new Flatten(), [pooled], "flat", ["flat"]).Output;
        var bias = Tensor.Zeros<float>(new Shape(10));
        bias.Span.Fill(others);
        bias.Data[0] = first;
        graph.AddOutput(graph.AddNode(new Gemm(), [flat, graph.AddConstant("w", Tensor.Zeros<float>(new Shape(3, 10))), graph.AddConstant("b", bias)], "gemm", ["y"]).Output);
        var path = _folder.File("net.onnx");
        OnnxModel.Save(graph, path);
        return path;
    }
}
