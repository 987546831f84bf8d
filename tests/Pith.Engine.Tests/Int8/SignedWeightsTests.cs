using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests.Int8;

/// <summary>Weights with zero points, unsigned ones and those that are moved after DequantizeLinear run as INT8 layers, with the integers that the graph says.</summary>
public class SignedWeightsTests
{
    private const int Channels = 10, Filters = 12;

    private readonly Random _random = new(4);
    private readonly Graph _graph = new("weights");

    private Value Dequantized(Value x, DataType type, int zeroPoint)
    {
        var (scale, zero) = (_graph.AddConstant("scale", Tensor.Scalar(0.5f)), _graph.AddConstant("zero", Tensor.Vector(zeroPoint).Reshape(new Shape()).ConvertTo(type)));
        return _graph.Add(new DequantizeLinear(), _graph.Add(new QuantizeLinear(), x, scale, zero), scale, zero);
    }

    private Value Weight(DataType type, int[] zeroPoints, int axis, params int[] dims)
    {
        var (low, high) = type == DataType.UInt8 ? (0, 256) : (-128, 128);
        var integers = Tensor.Create(new Shape(dims), Enumerable.Range(0, dims.Aggregate(1, (a, b) => a * b)).Select(_ => _random.Next(low, high)).ToArray()).ConvertTo(type);
        var shape = zeroPoints.Length == 1 ? new Shape() : new Shape(zeroPoints.Length);
        var scales = Tensor.Create(shape, zeroPoints.Select((_, i) => 1f / (1 << (i % 3 + 5))).ToArray());
        return _graph.Add(new DequantizeLinear { Axis = axis }, _graph.AddConstant("w", integers), _graph.AddConstant("ws", scales), _graph.AddConstant("wz", Tensor.Create(shape, zeroPoints).ConvertTo(type)));
    }

    private void Check(Value x, Value y, bool isInt8)
    {
        _graph.AddOutput(Dequantized(y, DataType.UInt8, 30).Producer!.Inputs[0]!);
        var shape = new Shape([3, .. x.Type.Dims.Skip(1).Select(dim => dim.Size)]);
        var data = Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => _random.Next(-90, 90) * 0.5f).ToArray());
        var want = GraphInterpreter.Run(_graph, [data])[0].As<byte>().Data;
        foreach (var isa in TestDevice.Levels)
        {
            using var engine = EngineBuilder.Build(_graph, new EngineOptions { MaxBatch = 3, TimeTactics = false }, TestDevice.At(isa));
            using var context = engine.CreateContext();
            data.Span.CopyTo(context.Input<float>("x"));
            context.Run(3);
            Assert.Equal(isInt8, engine.Layers.Any(layer => layer.Precision == "int8" && layer.Spec.Kind is LayerKind.Conv or LayerKind.Gemm));
            Assert.All(engine.Layers, layer => Assert.Null(layer.ReferenceReason));
            Assert.True(want.AsSpan().SequenceEqual(context.Output<byte>(engine.Outputs[0].Name)), $"{isa}\n{_graph}");
        }
    }

    [Theory]
    [InlineData(DataType.UInt8, 128)] // fits
    [InlineData(DataType.UInt8, 121)] // up to 134
    [InlineData(DataType.UInt8, 255)]
    [InlineData(DataType.UInt8, 1)]
    [InlineData(DataType.Int8, 5)]
    [InlineData(DataType.Int8, -128)]
    public void A_convolution_with_any_zero_point(DataType type, int zeroPoint)
    {
        var x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), Channels, 7, 6));
        var weight = Weight(type, [zeroPoint], 0, Filters, Channels, 3, 3);
        Check(x, _graph.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, Dequantized(x, DataType.UInt8, 77), weight), isInt8: true);
    }

    [Fact]
    public void A_zero_point_for_each_filter()
    {
        var x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), Channels, 5, 6));
        var weight = Weight(DataType.UInt8, [.. Enumerable.Range(0, Filters).Select(k => 110 + 3 * k)], 0, Filters, Channels, 1, 1);
        Check(x, _graph.Add(new Conv(), Dequantized(x, DataType.Int8, -3), weight), isInt8: true);
    }

    [Theory]
    [InlineData(128, true)]
    [InlineData(100, false)] // groups have no channel to spare
    public void A_grouped_convolution_where_differences_fit(int zeroPoint, bool isInt8)
    {
        var x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 8, 5, 6));
        Check(x, _graph.Add(new Conv { Groups = 8, Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, Dequantized(x, DataType.UInt8, 9), Weight(DataType.UInt8, [zeroPoint], 0, 8, 1, 3, 3)), isInt8);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_Gemm_with_any_zero_point(bool isTransposed)
    {
        var x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 40));
        var weight = isTransposed ? Weight(DataType.UInt8, [119], 0, Filters, 40) : Weight(DataType.UInt8, [.. Enumerable.Range(0, Filters).Select(k => 120 + k)], 1, 40, Filters);
        Check(x, _graph.Add(new Gemm { TransB = isTransposed }, Dequantized(x, DataType.UInt8, 128), weight), isInt8: true);
    }

    [Fact]
    public void Weights_that_are_transposed_after_DequantizeLinear()
    {
        var x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 40));
        var weight = _graph.Add(new Transpose([1, 0]), Weight(DataType.Int8, [.. new int[Filters]], 0, Filters, 40));
        Check(x, _graph.Add(new MatMul(), Dequantized(x, DataType.Int8, 0), weight), isInt8: true);
    }

    [Fact]
    public void Weights_that_are_reshaped_after_DequantizeLinear()
    {
        var x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), Channels, 5, 6));
        var flat = Weight(DataType.Int8, [.. new int[Filters]], 0, Filters, Channels * 9);
        var weight = _graph.Add(new Reshape(), flat, _graph.AddConstant("shape", Tensor.Vector<long>(Filters, Channels, 3, 3)));
        Check(x, _graph.Add(new Conv(), Dequantized(x, DataType.UInt8, 128), weight), isInt8: true);
    }
}
