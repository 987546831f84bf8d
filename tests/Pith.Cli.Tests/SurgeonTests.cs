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
