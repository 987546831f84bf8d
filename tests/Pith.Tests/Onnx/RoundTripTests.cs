using Pith.Ops;
using Pith.Passes;
using Pith.Tests.Conformance;

namespace Pith.Tests.Onnx;

/// <summary>What is written and read again is the same graph.</summary>
public class RoundTripTests
{
    public static TheoryData<string> Networks =>
    [
        "cifar10_mlperftiny_resnet8", "cifar10_resnet20", "cifar10_resnet20_bn", "cifar10_resnet56_bn", "imagenet_mobilenetv2_torchvision", "imagenet_squeezenet1.1",
    ];

    [Theory]
    [MemberData(nameof(Networks))]
    public void Real_networks_survive(string name)
    {
        var path = SharedData.Path($"models/{name}.onnx");
        Assert.SkipWhen(path is null, "the networks are not beside the repository (shared/data/models)");
        var graph = OnnxModel.Load(path);
        AssertSurvives(graph);
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        AssertSurvives(graph);
    }

    [Fact]
    public void The_models_of_all_node_tests_survive()
    {
        Assert.SkipWhen(NodeTest.Root is null, "ONNX's node tests are not beside the repository (shared/data/onnx-node-tests)");
        foreach (var name in ConformanceTests.Passing)
        {
            var graph = NodeTest.Import(name);
            try
            {
                AssertSurvives(graph);
            }
            catch (Exception failure) when (failure is not Xunit.Sdk.IAssertionException)
            {
                Assert.Fail($"{name}: {failure}");
            }
        }
    }

    [Fact]
    public void Nodes_come_back_in_the_order_in_which_they_ran()
    {
        var graph = new Graph("g");
        var x = graph.AddInput("x", TensorType.Float32(2));
        // A walk back from the output would meet the left operand first.
        var right = graph.AddNode(new Relu(), [x], "right").Output;
        var left = graph.AddNode(new Sigmoid(), [x], "left").Output;
        graph.AddOutput(graph.AddNode(new Add(), [left, right], "sum").Output);
        Assert.Equal(["right", "left", "sum"], OnnxModel.Load(OnnxModel.ToBytes(graph)).Nodes.Select(node => node.Name));
    }

    [Fact]
    public void The_same_graph_gives_the_same_bytes_whatever_its_history()
    {
        static Graph Build(bool detour)
        {
            var graph = new Graph("g");
            graph.Metadata["b"] = "2";
            graph.Metadata["a"] = "1";
            var x = graph.AddInput("x", TensorType.Float32(2));
            if (detour) graph.Remove(graph.AddConstant("gone", Tensor.Scalar(1f)));
            Value one, two;
            if (detour) (two, one) = (graph.AddConstant("two", Tensor.Scalar(2f)), graph.AddConstant("one", Tensor.Scalar(1f)));
            else (one, two) = (graph.AddConstant("one", Tensor.Scalar(1f)), graph.AddConstant("two", Tensor.Scalar(2f)));
            graph.AddOutput(graph.Add(new Mul(), graph.Add(new Add(), x, one), two));
            return graph;
        }
        Assert.Equal(OnnxModel.ToBytes(Build(false)), OnnxModel.ToBytes(Build(true)));
    }

    [Fact]
    public void The_opset_is_the_default_or_what_the_ops_need()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(2, 3));
        graph.AddOutput(graph.Add(new Relu(), x));
        Assert.Equal((17L, 8L), Versions(graph, 0));
        Assert.Equal((13L, 7L), Versions(graph, 13));
        graph.AddOutput(graph.AddNode(new Gelu(), [x], "gelu").Output);
        Assert.Equal((20L, 9L), Versions(graph, 0));
        Assert.Contains("'gelu' exists since opset 20", Assert.Throws<PithException>(() => OnnxModel.ToBytes(graph, 17)).Message, StringComparison.Ordinal);
        Assert.Contains("13 to 21", Assert.Throws<PithException>(() => OnnxModel.ToBytes(graph, 12)).Message, StringComparison.Ordinal);
        graph.AddOutput(graph.Add(new Pad(Axes: [1]), x, graph.AddConstant("pads", Tensor.Vector(1L, 1L))));
        Assert.Equal((20L, 9L), Versions(graph, 0));
    }

    [Fact]
    public void A_graph_with_gradients_is_not_written()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(2, 3));
        graph.AddOutput(graph.AddNode(new UnaryGradient(new Relu()), [x, x], "relu/grad").Output);
        Assert.Contains("'relu/grad' exists in Pith only", Assert.Throws<PithException>(() => OnnxModel.ToBytes(graph)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_written_whole_or_not_at_all()
    {
        var folder = Directory.CreateTempSubdirectory("pith-save-").FullName;
        try
        {
            var graph = new Graph();
            graph.AddOutput(graph.Add(new Relu(), graph.AddInput("x", TensorType.Float32(2))));
            var path = Path.Combine(folder, "deep", "model.onnx");
            OnnxModel.Save(graph, path);
            Assert.Equal(graph.ToString(), OnnxModel.Load(path).ToString());
            Assert.Equal(["model.onnx"], Directory.GetFiles(Path.GetDirectoryName(path)!).Select(Path.GetFileName));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (long Opset, long IrVersion) Versions(Graph graph, int opset)
    {
        var model = Pith.Onnx.ModelProto.Parser.ParseFrom(OnnxModel.ToBytes(graph, opset));
        return (model.OpsetImport[0].Version, model.IrVersion);
    }

    private static void AssertSurvives(Graph graph)
    {
        var bytes = OnnxModel.ToBytes(graph);
        var copy = OnnxModel.Load(bytes);
        Assert.Equal(graph.ToString(), copy.ToString());
        Assert.Equal(graph.Metadata, copy.Metadata);
        foreach (var constant in graph.Constants.Where(constant => constant.Uses.Count > 0))
        {
            Assert.Equal(constant.Type, copy.Find(constant.Name)!.Type);
            Assert.True(constant.Constant!.Bytes.SequenceEqual(copy.Find(constant.Name)!.Constant!.Bytes), constant.Name);
        }
        Assert.Equal(bytes, OnnxModel.ToBytes(copy));
    }
}
