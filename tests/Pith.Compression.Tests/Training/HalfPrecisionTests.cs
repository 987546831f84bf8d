using Pith.Ops;

namespace Pith.Compression.Tests.Training;

/// <summary>Networks in half precision are compressed in single precision.</summary>
public class HalfPrecisionTests
{
    [Theory]
    [InlineData(DataType.Float16)]
    [InlineData(DataType.Float64)]
    public void A_network_in_other_floats_is_trained_like_its_float32_form(DataType type)
    {
        var (single, other) = (Rounded(type), InType(Rounded(type), type));
        Assert.True(Float32Form.IsNeeded(other));
        var events = new List<PithEvent>();
        var context = new StepContext { Stage = "tuned", TrainingData = Toy.Data.Train, Events = new List(events) };
        var settings = Toy.Settings with { Epochs = 1 };
        var tuned = new FineTuneStep(settings).Apply(other, context).Graph;
        Assert.Equal(Toy.AllConstants(new FineTuneStep(settings).Apply(single, context).Graph), Toy.AllConstants(tuned));
        Assert.False(Float32Form.IsNeeded(tuned));
        Assert.Contains(events, e => e is Warning note && note.Message.Contains("works in float32"));

        var quantized = new QuantizeStep(new QuantizationSettings { Samples = 32 }).Apply(other, context);
        Assert.All(quantized.Quantization, layer => Assert.Null(layer.SkipReason));
        Assert.NotEmpty(quantized.Quantization);
    }

    [Fact]
    public void Casts_and_constants_of_half_precision_become_single()
    {
        var graph = new Graph("mixed");
        var x = graph.AddInput("x", TensorType.Float32(2, 3));
        var half = graph.Add(new Cast(DataType.Float16), x);
        var filled = graph.Add(ConstantOfShape.Of((Half)2), graph.AddConstant("shape", Tensor.Vector(3L)));
        var sum = graph.Add(new Add(), graph.Add(new Mul(), half, filled), graph.AddConstant("w", Tensor.Vector((Half)0.5f, (Half)1, (Half)2)));
        graph.AddOutput(graph.Add(new Cast(DataType.Float32), sum));
        var images = Tensor.Create(new Shape(2, 3), new[] { 1f, 2, 3, 4, 5, 6 });
        Assert.Equal(GraphInterpreter.Run(graph, [images])[0].As<float>().Data, GraphInterpreter.Run(Float32Form.Of(graph), [images])[0].As<float>().Data);
        Assert.False(Float32Form.IsNeeded(Float32Form.Of(graph)));
    }

    [Fact]
    public void A_constant_beyond_single_precision_is_named()
    {
        var graph = new Graph("g");
        var x = graph.AddInput("x", new TensorType(DataType.Float64, [2]));
        graph.AddOutput(graph.Add(new Mul(), x, graph.AddConstant("huge", Tensor.Vector(1e300, 1))));
        Assert.Contains("'huge'", Assert.Throws<PithException>(() => Float32Form.Of(graph)).Message);
    }

    private static Graph Rounded(DataType type)
    {
        var graph = Toy.Network();
        foreach (var constant in graph.Constants.ToArray()) graph.SetConstant(constant, constant.Constant!.ConvertTo(type).ConvertTo(DataType.Float32));
        return graph;
    }

    private static Graph InType(Graph single, DataType type)
    {
        var copy = new Graph(single.Name);
        var copies = new Dictionary<Value, Value>();
        foreach (var input in single.Inputs) copies[input] = copy.AddInput(input.Name, input.Type.As(type));
        foreach (var constant in single.Constants) copies[constant] = copy.AddConstant(constant.Name, constant.Type.DataType == DataType.Float32 ? constant.Constant!.ConvertTo(type) : constant.Constant!);
        foreach (var node in single.Nodes)
        {
            var made = copy.AddNode(node.Op, [.. node.Inputs.Select(input => input is null ? null : copies[input])], node.Name, [.. node.Outputs.Select(output => output.Name)]);
            for (var i = 0; i < made.Outputs.Count; i++) copies[node.Outputs[i]] = made.Outputs[i];
        }
        copy.AddOutput(copies[single.Outputs[0]]);
        return copy;
    }

    private sealed class List(List<PithEvent> events) : IProgress<PithEvent>
    {
        public void Report(PithEvent value) => events.Add(value);
    }
}
