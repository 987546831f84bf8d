using Pith.Compression.Data;
using Pith.Ops;

namespace Pith.Cli.Tests;

/// <summary>Networks of several inputs and outputs, without a batch, with single numbers as inputs, of any float type: verbs run, or say why they cannot.</summary>
public sealed class SignatureTests : IDisposable
{
    private const int Samples = 24;

    private readonly TemporaryFolder _folder = new();
    private readonly Random _random = new(1);

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Networks => ["siamese", "detection", "unbatched", "rank 0", "rank 1", "no input", "two batches", "rows", "half", "double", "fixed batch", "sequence of images"];

    [Theory]
    [MemberData(nameof(Networks))]
    public void No_verb_fails_without_a_reason(string kind)
    {
        var (graph, data) = Network(kind);
        var model = _folder.File("net.onnx");
        OnnxModel.Save(graph, model);
        Npz.Write(_folder.File("data.npz"), data);
        var spec = $"npz:{_folder.File("data.npz")}";
        string Output(string name) => _folder.File(name);
        string[][] commands =
        [
            ["info", model], ["check", model], ["show", model, "-o", Output("show.html")], ["export", model, "-o", Output("export.npz")], ["surgeon", model, "--simplify", "-o", Output("surgeon.onnx")],
            ["prune", model, "-o", Output("prune.onnx")], ["prune", model, "-o", Output("hessian.onnx"), "--data", spec, "--samples", "16"], ["quantize", model, "-o", Output("quantize.onnx"), "--data", spec, "--samples", "16"],
            ["train", model, "-o", Output("train.onnx"), "--data", spec, "--epochs", "1", "--batch", "8"], ["qat", model, "-o", Output("qat.onnx"), "--data", spec, "--samples", "16", "--epochs", "1", "--batch", "8"],
            ["eval", model, "--data", spec], ["compare", $"{model}@interpreter", model, "--data", spec, "--count", "4"], ["compare", model, model, "--accuracy", "--data", spec], ["build", model, "-o", Output("net.plan"), "--no-timing"],
            ["bench", model, "--duration", "0.01", "--iterations", "2"], ["explain", model], ["forecast", model, "--duration", "0.01"], ["eval", model, "--data", "procedural:count=4"],
        ];
        foreach (var command in commands)
        {
            var result = PithCommand.Run(command);
            var text = $"{kind}: {string.Join(' ', command)}\n{result.Output}{result.Error}";
            Assert.False(result.Error.Contains("bug in Pith", StringComparison.Ordinal) || result.Error.Contains("   at ", StringComparison.Ordinal), text);
            Assert.True(result.ExitCode == 0 || result.Error.Contains("pith: ", StringComparison.Ordinal) || command[0] is "check" or "compare", text);
            var made = Array.IndexOf(command, "-o") is var at and >= 0 ? command[at + 1] : null;
            Assert.True(made is null || File.Exists(made) == (result.ExitCode == 0), text);
        }
    }

    [Theory]
    [InlineData("siamese", true)]
    [InlineData("rows", true)]
    [InlineData("detection", false)]
    [InlineData("fixed batch", true)]
    [InlineData("half", true)]
    public void Networks_of_any_inputs_and_outputs_are_quantized_with_data_that_has_them(string kind, bool isClassifier)
    {
        var (graph, data) = Network(kind);
        OnnxModel.Save(graph, _folder.File("net.onnx"));
        if (!isClassifier) data.Remove("labels");
        Npz.Write(_folder.File("data.npz"), data);
        var spec = $"npz:{_folder.File("data.npz")}";
        PithCommand.Run("quantize", _folder.File("net.onnx"), "-o", _folder.File("int8.onnx"), "--data", spec, "--samples", "16").Ends(0);
        PithCommand.Run("compare", $"{_folder.File("int8.onnx")}@literal", _folder.File("int8.onnx"), "--data", spec, "--count", "4").Ends(0);
        PithCommand.Run("debug", _folder.File("int8.onnx"), "--float", _folder.File("net.onnx"), "--data", spec, "--samples", "8").Ends(0);
        if (isClassifier) Assert.Equal(Samples, PithCommand.Run("eval", _folder.File("int8.onnx"), "--data", spec, "--json").Ends(0).Json.GetProperty("count").GetInt32());
        else Assert.Contains("is not a", PithCommand.Run("eval", _folder.File("int8.onnx"), "--data", spec).Refuses(1).Error, StringComparison.Ordinal);
    }

    private (Graph Graph, Dictionary<string, Tensor> Data) Network(string kind)
    {
        var graph = new Graph(kind);
        var n = Dim.Named("N");
        var data = new Dictionary<string, Tensor> { ["labels"] = Tensor.Vector<long>([.. Enumerable.Range(0, Samples).Select(_ => (long)_random.Next(3))]) };
        Value Input(string name, DataType type, params Dim[] dims)
        {
            Dim[] rows = [.. dims.Skip(1).Select(dim => dim.IsFixed ? dim : Dim.Of(4))];
            data[name] = Random(1, [Samples, .. rows.Select(dim => dim.Size)]);
            return graph.AddInput(name, new TensorType(type, [.. dims]));
        }
        Value Weight(string name, params int[] sizes) => graph.AddConstant(name, Random(0.3f, sizes));
        Value Conv(Value x, int channels, int filters, string name) => graph.AddNode(new Relu(), [graph.AddNode(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) }, [x, Weight($"{name}.w", filters, channels, 3, 3)], name).Output], $"{name}.relu").Output;
        Value Pooled(Value x, string name) => graph.AddNode(new Flatten(), [graph.AddNode(new GlobalAveragePool(), [x], $"{name}.pool").Output], $"{name}.flat").Output;
        Value Linear(Value x, int inputs, int outputs, string name) => graph.AddNode(new Gemm(), [x, Weight($"{name}.w", inputs, outputs), Weight($"{name}.b", outputs)], name).Output;
        switch (kind)
        {
            case "siamese":
                var (left, right) = (Pooled(Conv(Input("left", DataType.Float32, n, 4, 6, 6), 4, 8, "left.conv"), "left"), Pooled(Conv(Input("right", DataType.Float32, n, 4, 6, 6), 4, 8, "right.conv"), "right"));
                graph.AddOutput(Linear(graph.AddNode(new Concat(1), [left, right], "both").Output, 16, 3, "head"));
                break;
            case "detection":
                var features = Conv(Input("images", DataType.Float32, n, 4, 8, 8), 4, 8, "backbone");
                graph.AddOutput(Conv(features, 8, 4, "boxes"));
                graph.AddOutput(Conv(features, 8, 3, "scores"));
                break;
            case "unbatched":
                graph.AddOutput(Linear(Input("x", DataType.Float32, 3, 8), 8, 4, "head"));
                graph.AddOutput(Linear(Input("y", DataType.Float32, 5, 8), 8, 4, "other"));
                break;
            case "rank 0":
                graph.AddOutput(graph.AddNode(new Mul(), [Linear(Input("x", DataType.Float32, n, 8), 8, 3, "head"), graph.AddInput("scale", TensorType.Float32())], "scaled").Output);
                break;
            case "rank 1":
                graph.AddOutput(graph.AddNode(new Relu(), [Input("x", DataType.Float32, n)], "relu").Output);
                break;
            case "no input":
                graph.AddOutput(graph.AddNode(new Relu(), [Weight("c", 2, 3)], "relu").Output);
                break;
            case "two batches":
                graph.AddOutput(Linear(Input("x", DataType.Float32, n, 8), 8, 3, "head"));
                graph.AddOutput(Linear(Input("y", DataType.Float32, Dim.Named("M"), 8), 8, 3, "other"));
                break;
            case "rows":
                graph.AddOutput(Linear(graph.AddNode(new Relu(), [Linear(Input("x", DataType.Float32, n, 12), 12, 16, "first")], "relu").Output, 16, 3, "head"));
                break;
            case "half" or "double":
                var type = kind == "half" ? DataType.Float16 : DataType.Float64;
                var x = Input("x", type, n, 8);
                var w = graph.AddConstant("w", Random(0.3f, 8, 8).ConvertTo(type));
                graph.AddOutput(graph.AddNode(new MatMul(), [graph.AddNode(new Relu(), [graph.AddNode(new MatMul(), [x, w], "first").Output], "relu").Output, graph.AddConstant("v", Random(0.3f, 8, 3).ConvertTo(type))], "head").Output);
                break;
            case "fixed batch":
                graph.AddOutput(Linear(graph.AddNode(new Concat(1), [Input("a", DataType.Float32, 5, 8), Input("b", DataType.Float32, 5, 4)], "both").Output, 12, 3, "head"));
                break;
            case "sequence of images":
                graph.AddOutput(graph.AddNode(new ReduceMean([2, 3, 4], false), [Input("clip", DataType.Float32, n, 3, Dim.Named("frames"), 4, 4)], "mean").Output);
                break;
        }
        return (graph, data);
    }

    private Tensor<float> Random(float range, params int[] sizes)
    {
        var tensor = Tensor.Zeros<float>(new Shape(sizes));
        foreach (ref var value in tensor.Span) value = (_random.NextSingle() * 2 - 1) * range;
        return tensor;
    }
}
