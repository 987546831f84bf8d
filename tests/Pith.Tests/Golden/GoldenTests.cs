using Pith.Models;
using Pith.Onnx;
using Pith.Passes;
using Pith.Tests.Onnx;

namespace Pith.Tests.Golden;

/// <summary>
/// Whole printed graphs against committed files: what import, the model builders and Simplify make, at one glance. After a wanted change, copy the file
/// that the failure names over the committed one and read the difference.
/// </summary>
public class GoldenTests
{
    [Fact]
    public void A_residual_network_before_and_after_Simplify()
    {
        var graph = ModelCatalog.Find("cifar-resnet8").Build();
        var built = graph.ToString();
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        AssertGolden("cifar-resnet8.txt", built + "\n" + graph);
    }

    [Fact]
    public void A_classifier_head_as_exporters_write_it_at_opset_11()
    {
        var model = new ModelBuilder(opset: 11).Input("x", "batch", 8, 7, 7)
            .Initializer("w", Tensor.Zeros<float>(new Shape(8, 4))).Initializer("b", Tensor.Zeros<float>(new Shape(4)))
            .Node("Clip", "relu6", ["x", "zero", "six"], ["clipped"])
            .Node("Constant", "", [], ["zero"], Float("value_float", 0))
            .Node("Constant", "", [], ["six"], Float("value_float", 6))
            .Node("GlobalAveragePool", "pool", ["clipped"], ["pooled"])
            .Node("Shape", "shape", ["pooled"], ["dims"])
            .Node("Constant", "", [], ["first"], Int("value_int", 0))
            .Node("Gather", "batch", ["dims", "first"], ["n"])
            .Node("Unsqueeze", "unsqueeze", ["n"], ["n1"], Ints("axes", 0))
            .Node("Constant", "", [], ["rest"], Ints("value_ints", -1))
            .Node("Concat", "target", ["n1", "rest"], ["shape2"], Int("axis", 0))
            .Node("Reshape", "flatten", ["pooled", "shape2"], ["flat"])
            .Node("Dropout", "drop", ["flat"], ["kept"], Float("ratio", 0.2f))
            .Node("MatMul", "fc", ["kept", "w"], ["product"])
            .Node("Add", "bias", ["product", "b"], ["logits"])
            .Node("Softmax", "softmax", ["logits"], ["y"], Int("axis", 1))
            .Output("y");
        var graph = model.Load();
        var imported = graph.ToString();
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        AssertGolden("classifier-head.txt", imported + "\n" + graph);
    }

    private static AttributeProto Float(string name, float value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = value };

    private static AttributeProto Int(string name, long value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    private static AttributeProto Ints(string name, params ReadOnlySpan<long> values) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { values.ToArray() } };

    private static void AssertGolden(string file, string actual)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "Golden");
        var golden = Path.Combine(folder, file);
        if (File.Exists(golden) && File.ReadAllText(golden) == actual) return;
        var written = Path.Combine(folder, file + ".actual");
        AtomicFile.WriteText(written, actual);
        Assert.Fail($"The printed graph differs from tests/Pith.Tests/Golden/{file}; this run's is in {written}:\n{actual}");
    }
}
