using Pith.Compression.Data;
using Pith.Compression.Sparsity;
using Pith.Models;

namespace Pith.Cli.Tests;

/// <summary><c>pith surgeon</c>: the edited file computes what the interpreter says the original does, and edits that cannot be made are refused.</summary>
public sealed class SurgeonTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Several_edits_in_one_call_keep_the_results()
    {
        var (original, output) = (Written("cifar-resnet8"), _folder.File("out.onnx"));
        var json = PithCommand.Run("surgeon", original, "--rename", "input=images", "--rename", "logits=scores", "--rename-node", "conv1=stem", "--fold-constants", "--simplify", "--drop-unused", "--opset", "15", "--input-shape", "input=batch,3,32,32", "-o", output, "--json").Ends(0).Json;
        Assert.Equal(15, json.GetProperty("opset").GetInt32());
        Assert.Equal(7, json.GetProperty("edits").GetArrayLength());
        Assert.Equal(15, OnnxModel.ReadContents(output).Opset);
        var graph = OnnxModel.Load(output);
        Assert.Equal(("images", "f32[batch,3,32,32]", "scores"), (graph.Inputs[0].Name, graph.Inputs[0].Type.ToString(), graph.Outputs[0].Name));
        Assert.Contains(graph.Nodes, node => node.Name == "stem");
        Assert.True(graph.Nodes.Count < OnnxModel.Load(original).Nodes.Count);
        AssertSame(OnnxModel.Load(original), graph, 1e-4f);
    }

    [Fact]
    public void A_part_feeds_the_rest_as_the_whole_does()
    {
        var original = Written("cifar-resnet8");
        PithCommand.Run("surgeon", original, "--to", "relu:out", "-o", _folder.File("head.onnx")).Ends(0);
        PithCommand.Run("surgeon", original, "--from", "relu:out", "-o", _folder.File("tail.onnx")).Ends(0);
        var x = Images();
        var middle = GraphInterpreter.Run(OnnxModel.Load(_folder.File("head.onnx")), [x]);
        Assert.Equal(GraphInterpreter.Run(OnnxModel.Load(original), [x])[0].As<float>().Data, GraphInterpreter.Run(OnnxModel.Load(_folder.File("tail.onnx")), middle)[0].As<float>().Data);
    }

    [Fact]
    public void Pairs_that_were_inserted_are_stripped_again()
    {
        var (original, pairs, stripped) = (Written("cifar-resnet8"), _folder.File("qdq.onnx"), _folder.File("float.onnx"));
        PithCommand.Run("surgeon", original, "--insert-qdq", "input=0.02", "--insert-qdq", "fc.weight", "-o", pairs).Ends(0);
        var graph = OnnxModel.Load(pairs);
        Assert.Equal(2, graph.Nodes.Count(node => node.Op.Schema.Name == "QuantizeLinear"));
        Assert.NotEqual(Run(OnnxModel.Load(original)), Run(graph));
        PithCommand.Run("surgeon", pairs, "--strip-qdq", "-o", stripped).Ends(0);
        AssertSame(OnnxModel.Load(original), OnnxModel.Load(stripped), 0);
    }

    [Fact]
    public void Half_precision_becomes_float32_and_Gelu_older_ops()
    {
        var half = new Graph("half");
        var x = half.AddInput("x", new TensorType(DataType.Float16, [2, 4]));
        half.AddOutput(half.AddNode(new Pith.Ops.Gelu(), [half.Add(new Pith.Ops.Add(), x, half.AddConstant("c", Tensor.Vector<Half>((Half)1, (Half)2, (Half)3, (Half)4)))], "act", ["y"]).Output);
        OnnxModel.Save(half, _folder.File("half.onnx"));
        PithCommand.Run("surgeon", _folder.File("half.onnx"), "--to-float32", "--opset", "17", "-o", _folder.File("float.onnx")).Ends(0);
        var graph = OnnxModel.Load(_folder.File("float.onnx"));
        Assert.DoesNotContain(graph.Values, value => value.Type.DataType == DataType.Float16);
        Assert.DoesNotContain(graph.Nodes, node => node.Op is Pith.Ops.Gelu);
        var input = Tensor.Create(new Shape(2, 4), new[] { 0f, 0.5f, -1, 2, -3, 0.25f, 1, -0.5f });
        var expected = GraphInterpreter.Run(half, [input.ConvertTo(DataType.Float16)])[0].ConvertTo(DataType.Float32).As<float>().Data;
        var got = GraphInterpreter.Run(graph, [input])[0].As<float>().Data;
        for (var i = 0; i < got.Length; i++) Assert.Equal(expected[i], got[i], 4e-3f);
    }

    [Fact]
    public void Names_can_be_swapped_and_the_opset_of_the_file_stays()
    {
        var original = Written("cifar-resnet8");
        PithCommand.Run("surgeon", original, "--opset", "14", "-o", _folder.File("a.onnx")).Ends(0);
        PithCommand.Run("surgeon", _folder.File("a.onnx"), "--rename", "input=logits", "--rename", "logits=input", "-o", _folder.File("b.onnx")).Ends(0);
        Assert.Equal(14, OnnxModel.ReadContents(_folder.File("b.onnx")).Opset);
        var graph = OnnxModel.Load(_folder.File("b.onnx"));
        Assert.Equal(("logits", "input"), (graph.Inputs[0].Name, graph.Outputs[0].Name));
        AssertSame(OnnxModel.Load(original), graph, 0);
    }

    [Fact]
    public void An_input_that_nothing_reads_is_dropped()
    {
        var graph = new Graph();
        graph.AddInput("unused", TensorType.Float32(3));
        graph.AddOutput(graph.Add(new Pith.Ops.Relu(), graph.AddInput("x", TensorType.Float32(3))));
        OnnxModel.Save(graph, _folder.File("net.onnx"));
        PithCommand.Run("surgeon", _folder.File("net.onnx"), "--drop-unused", "-o", _folder.File("out.onnx")).Ends(0);
        Assert.Equal(["x"], OnnxModel.Load(_folder.File("out.onnx")).Inputs.Select(input => input.Name));
    }

    [Theory]
    [InlineData(1, "missing.onnx")]
    [InlineData(1, "cifar-resnet8", "--from", "nosuch")]
    [InlineData(1, "cifar-resnet8", "--rename", "nosuch=x")]
    [InlineData(1, "cifar-resnet8", "--rename", "input=logits")]
    [InlineData(1, "cifar-resnet8", "--rename-node", "nosuch=x")]
    [InlineData(1, "cifar-resnet8", "--input-shape", "nosuch=1,3")]
    [InlineData(1, "cifar-resnet8", "--input-shape", "input=1,4,32,32")]
    [InlineData(1, "cifar-resnet8", "--insert-qdq", "relu:out")]
    [InlineData(1, "cifar-resnet8", "--insert-qdq", "nosuch=0.1")]
    [InlineData(2, "cifar-resnet8", "--insert-qdq", "input=-1")]
    [InlineData(2, "cifar-resnet8", "--insert-qdq", "input=NaN")]
    [InlineData(2, "cifar-resnet8", "--rename", "input")]
    [InlineData(2, "cifar-resnet8", "--rename", "=x")]
    [InlineData(2, "cifar-resnet8", "--input-shape", "input=1,-3,32,32")]
    [InlineData(2, "cifar-resnet8", "--input-shape", "input=N,3,32,32", "--input-shape", "input=M,3,32,32")]
    [InlineData(2, "cifar-resnet8", "--opset", "12")]
    [InlineData(2, "cifar-resnet8", "--opset", "22")]
    [InlineData(1, "text-encoder", "--opset", "16")]
    public void An_edit_that_cannot_be_made_is_refused_and_leaves_no_file(int exitCode, params string[] arguments)
    {
        PithCommand.Run(["surgeon", .. arguments, "-o", _folder.File("out.onnx")]).Refuses(exitCode);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void A_pruned_network_is_worked_on_after_its_layers_were_renamed()
    {
        var (pruned, edited) = (Pruned(), _folder.File("edited.onnx"));
        PithCommand.Run("surgeon", pruned, "--rename-node", "layer1.0.conv1=stem", "--rename-node", "fc=layer1.0.conv1", "-o", edited).Ends(0);
        var before = SparsityRecord.PrunedLayers(OnnxModel.Load(pruned));
        Assert.Equal(before.Select(layer => layer == "layer1.0.conv1" ? "stem" : layer == "fc" ? "layer1.0.conv1" : layer), SparsityRecord.PrunedLayers(OnnxModel.Load(edited)));
        PithCommand.Run("quantize", edited, "--data", "procedural:seed=1,count=16", "--samples", "16", "--effort", "fast", "-o", _folder.File("int8.onnx")).Ends(0);
    }

    [Fact]
    public void A_part_of_a_pruned_network_records_its_own_layers_only()
    {
        var (pruned, head, tail) = (Pruned(), _folder.File("head.onnx"), _folder.File("tail.onnx"));
        PithCommand.Run("surgeon", pruned, "--to", "layer1.0.relu:out", "-o", head).Ends(0);
        PithCommand.Run("surgeon", pruned, "--from", "layer1.0.relu:out", "-o", tail).Ends(0);
        var (first, rest) = (OnnxModel.Load(head), OnnxModel.Load(tail));
        Assert.Equal(["layer1.0.conv1", "layer1.0.conv2"], SparsityRecord.PrunedLayers(first));
        Assert.Equal(SparsityRecord.PrunedLayers(OnnxModel.Load(pruned)).Count - 2, SparsityRecord.Verify(rest, "extracting"));
        // The head still takes images, the tail does not.
        Assert.Equal((true, false), (first.Metadata.ContainsKey(Preprocessing.MetadataKey), rest.Metadata.ContainsKey(Preprocessing.MetadataKey)));
    }

    [Fact]
    public void Records_of_choices_and_of_equalised_channels_follow_new_names()
    {
        var graph = ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Width = 4 });
        graph.Metadata["pith.optimization"] = """{"loss":0.1,"layers":{"conv1":"int8","fc":"float"}}""";
        graph.Metadata["pith.quantization.search"] = """{"metric":"top1","float_layers":["fc","conv1"]}""";
        graph.Metadata["pith.equalization"] = """[{"value":"relu:out","axis":1,"factors":"AACAPw=="},{"value":"gone","axis":1,"factors":"AACAPw=="}]""";
        OnnxModel.Save(graph, _folder.File("net.onnx"));
        PithCommand.Run("surgeon", _folder.File("net.onnx"), "--rename-node", "conv1=stem", "--rename", "relu:out=features", "-o", _folder.File("out.onnx")).Ends(0);
        var metadata = OnnxModel.Load(_folder.File("out.onnx")).Metadata;
        Assert.Equal("""{"loss":0.1,"layers":{"stem":"int8","fc":"float"}}""", metadata["pith.optimization"]);
        Assert.Equal("""{"metric":"top1","float_layers":["fc","stem"]}""", metadata["pith.quantization.search"]);
        Assert.Equal("""[{"value":"features","axis":1,"factors":"AACAPw=="}]""", metadata["pith.equalization"]);
    }

    [Theory]
    [InlineData("surgeon", ".onnx")]
    [InlineData("show", ".html")]
    [InlineData("prune", ".onnx")]
    public void A_result_that_is_no_plan_is_not_called_one(string verb, string expected)
    {
        Assert.Contains($"expected {expected}", PithCommand.Run(verb, "cifar-resnet8", "-o", _folder.File("net.plan")).Refuses(2).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void A_folder_is_not_a_missing_model() =>
        Assert.Contains("is a folder", PithCommand.Run("surgeon", _folder.Path, "-o", _folder.File("out.onnx")).Refuses(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);

    private string Pruned()
    {
        PithCommand.Run("models", "cifar-resnet8", "--width", "8", "-o", _folder.File("net.onnx")).Ends(0);
        PithCommand.Run("prune", _folder.File("net.onnx"), "-o", _folder.File("pruned.onnx")).Ends(0);
        return _folder.File("pruned.onnx");
    }

    private string Written(string network)
    {
        PithCommand.Run("models", network, "-o", _folder.File("net.onnx")).Ends(0);
        return _folder.File("net.onnx");
    }

    private static Tensor Images()
    {
        var random = new Random(7);
        return Tensor.Create(new Shape(1, 3, 32, 32), Enumerable.Range(0, 3 * 32 * 32).Select(_ => random.NextSingle() - 0.5f).ToArray());
    }

    private static float[] Run(Graph graph) => GraphInterpreter.Run(graph, [Images()])[0].As<float>().Data;

    private static void AssertSame(Graph expected, Graph got, float tolerance)
    {
        var (wanted, results) = (Run(expected), Run(got));
        Assert.Equal(wanted.Length, results.Length);
        for (var i = 0; i < results.Length; i++) Assert.True(Math.Abs(wanted[i] - results[i]) <= tolerance * Math.Max(1, Math.Abs(wanted[i])), $"output {i}: {results[i]}, expected {wanted[i]}");
    }
}
