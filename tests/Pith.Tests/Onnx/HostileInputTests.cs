using Google.Protobuf;
using Pith.Onnx;
using Pith.Tests.Conformance;

namespace Pith.Tests.Onnx;

/// <summary>Whatever the bytes, loading ends in a graph or in a <see cref="PithException"/>.</summary>
public class HostileInputTests
{
    private static readonly byte[] s_model = new ModelBuilder().Input("x", "N", 4).Input("b", 4)
        .Initializer("w", Tensor.Vector(1f, 2f, 3f, 4f))
        .Node("Add", "add", ["x", "w"], ["a"]).Node("Relu", "relu", ["a"], ["r"]).Node("Identity", "copy", ["r"], ["y"])
        .Output("y").Proto.ToByteArray();

    [Fact]
    public void A_truncated_model_is_refused()
    {
        for (var length = 0; length < s_model.Length; length++) LoadOrRefuse(s_model.AsSpan(0, length), $"length {length}");
    }

    [Fact]
    public void Mutated_models_never_crash()
    {
        for (var seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var bytes = s_model.ToArray();
            for (var i = random.Next(1, 5); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            LoadOrRefuse(bytes, $"seed {seed}");
        }
    }

    [Fact]
    public void Mutated_node_tests_never_crash_any_op()
    {
        Assert.SkipWhen(NodeTest.Root is null, "ONNX's node tests are not beside the repository (shared/data/onnx-node-tests)");
        foreach (var folder in Directory.GetDirectories(NodeTest.Root!).Order(StringComparer.Ordinal))
        {
            var model = File.ReadAllBytes(Path.Combine(folder, "model.onnx"));
            for (var seed = 0; seed < 20; seed++)
            {
                var random = new Random(seed);
                var bytes = model.ToArray();
                for (var i = random.Next(1, 4); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                LoadOrRefuse(bytes, $"{Path.GetFileName(folder)}, seed {seed}");
            }
        }
    }

    [Fact]
    public void Random_bytes_never_crash()
    {
        for (var seed = 0; seed < 1000; seed++)
        {
            var random = new Random(seed);
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            LoadOrRefuse(bytes, $"seed {seed}");
        }
    }

    [Fact]
    public void Deep_nesting_is_refused()
    {
        var graph = new GraphProto();
        for (var depth = 0; depth < 1000; depth++)
            graph = new GraphProto { Node = { new NodeProto { OpType = "If", Attribute = { new AttributeProto { G = graph } } } } };
        Assert.Throws<PithException>(() => OnnxModel.Load(new ModelProto { Graph = graph }.ToByteArray()));
    }

    [Fact]
    public void A_missing_file_a_folder_and_an_empty_file_are_refused_by_name()
    {
        var folder = Directory.CreateTempSubdirectory("pith-onnx-").FullName;
        try
        {
            var empty = Path.Combine(folder, "empty.onnx");
            File.WriteAllBytes(empty, []);
            foreach (var path in new[] { empty, folder, Path.Combine(folder, "missing.onnx") })
                Assert.Contains(path, Assert.Throws<PithException>(() => OnnxModel.Load(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Shapes_with_thousands_of_dimensions_are_refused()
    {
        var many = new TensorProto { Name = "w", DataType = 1, FloatData = { 1 } };
        many.Dims.AddRange(Enumerable.Repeat(1L, 5000));
        Assert.Contains("5000 dimensions", new ModelBuilder().Initializer(many).Node("Relu", "relu", ["w"], ["y"]).Output("y").LoadError(), StringComparison.Ordinal);
        Assert.Contains("5000 dimensions", new ModelBuilder().Input("x", [.. Enumerable.Repeat<object>(1, 5000)]).Node("Relu", "relu", ["x"], ["y"]).Output("y").LoadError(), StringComparison.Ordinal);
        var reshape = new ModelBuilder().Input("x", 1).Initializer("shape", Tensor.Create(new Shape(5000), Enumerable.Repeat(1L, 5000).ToArray()));
        Assert.Contains("5000 dimensions", reshape.Node("Reshape", "reshape", ["x", "shape"], ["y"]).Output("y").LoadError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_may_hold_control_characters_but_messages_do_not()
    {
        const string Evil = "w\u001B[2J\r\n\u202E";
        var graph = new ModelBuilder().Input(Evil, 2).Node("Relu", Evil, [Evil], ["y"]).Output("y").Load();
        Assert.Equal(Evil, graph.Inputs[0].Name);
        Assert.Equal(Evil, OnnxModel.Load(OnnxModel.ToBytes(graph)).Nodes[0].Name);
        var message = new ModelBuilder().Input("x", 2).Node("Relu", Evil, [Evil], ["y"]).Output("y").LoadError();
        Assert.DoesNotContain(message, character => char.IsControl(character) || character == '\u202E');
        Assert.Contains("\\u001B[2J", message, StringComparison.Ordinal);
    }

    private static void LoadOrRefuse(ReadOnlySpan<byte> bytes, string repro)
    {
        try
        {
            OnnxModel.Load(bytes);
        }
        catch (PithException refused)
        {
            Assert.False(string.IsNullOrWhiteSpace(refused.Message), repro);
        }
        catch (Exception crash)
        {
            Assert.Fail($"{repro}: {crash}");
        }
    }
}
