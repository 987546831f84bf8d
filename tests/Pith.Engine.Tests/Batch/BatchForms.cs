using Pith.Ops;
using Pith.Training;

namespace Pith.EngineTests.Batch;

/// <summary>
/// Ops and fusions on a value of rank 4 whose batch may be in any axis. Each makes the nodes that it is about; what cannot be built with the batch there (a Split of an unknown size, say) throws
/// <see cref="PithException"/>.
/// </summary>
internal sealed class BatchForms(Graph graph, Value x, int batchAxis)
{
    private readonly Random _random = new(17);

    /// <summary>Every form by name.</summary>
    public static IReadOnlyDictionary<string, Func<BatchForms, Value>> All { get; } = List().ToDictionary(form => form.Name, form => form.Make);

    private static IEnumerable<(string Name, Func<BatchForms, Value> Make)> List()
    {
        yield return ("relu", f => f.On(new Relu()));
        yield return ("sigmoid", f => f.On(new Sigmoid()));
        yield return ("erf", f => f.On(new Erf()));
        yield return ("clip", f => f.On(new Clip(), f.Real(-0.5f), f.Real(0.5f)));
        yield return ("add scalar", f => f.On(new Add(), f.Real(0.5f)));
        yield return ("where", f => f._graph.Add(new Where(), f.On(new Greater(), f.Real(0f)), f._x, f.Real(7f)));
        yield return ("identity", f => f.On(new Identity()));
        yield return ("unsqueeze", f => f.On(new Unsqueeze([1])));
        yield return ("squeeze", f => f._graph.Add(new Squeeze([1]), f.On(new Unsqueeze([1]))));
        yield return ("merge all", f => f.On(new Reshape(), f.Integers(-1)));
        yield return ("merge first two", f => f._graph.Add(new Relu(), f.On(new Reshape(), f.Integers(-1, f.Size(2), f.Size(3)))));
        yield return ("merge last two", f => f.On(new Flatten(2)));
        yield return ("outer sum with itself", f => f._graph.Add(new Add(), f.Mean([.. Others(f)]), f._graph.Add(new Transpose([3, 2, 1, 0]), f.Mean([.. Others(f)]))));
        yield return ("depth to space", f => f.On(new DepthToSpace(2)));
        yield return ("space to depth", f => f.On(new SpaceToDepth(2)));
        yield return ("max pool", f => f.On(new MaxPool { Window = WindowAttributes.Uniform(3, 1, 1) }));
        yield return ("max pool 2", f => f.On(new MaxPool { Window = WindowAttributes.Uniform(2, 2) }));
        yield return ("average pool", f => f.On(new AveragePool { Window = WindowAttributes.Uniform(2, 1) }));
        yield return ("global average", f => f.On(new GlobalAveragePool()));
        yield return ("global maximum", f => f.On(new GlobalMaxPool()));
        yield return ("mean of pixels", f => f.Mean(2, 3));
        yield return ("conv", f => f.Conv(f._x, 3));
        yield return ("conv relu residual", f => f._graph.Add(new Relu(), f._graph.Add(new Add(), f.Conv(f._x, 3), f._x)));
        yield return ("depthwise", f => f.On(new Conv { Window = WindowAttributes.Uniform(3, 1, 1), Groups = f.Size(1) }, f.Reals(f.Size(1), 1, 3, 3)));
        yield return ("conv transpose", f => f.On(new ConvTranspose(), f.Reals(f.Size(1), 3, 2, 2)));
        yield return ("convolved constant", f => f._graph.Add(new Conv(), f.Reals(2, f.Size(1), f.Size(2), f.Size(3)), f._x));
        yield return ("batch norm", f => f._graph.Add(new Relu(), f.On(new BatchNormalization(), f.Reals(f.Size(1)), f.Reals(f.Size(1)), f.Reals(f.Size(1)), f.Positive(f.Size(1)))));
        yield return ("instance norm", f => f.On(new InstanceNormalization(), f.Reals(f.Size(1)), f.Reals(f.Size(1))));
        yield return ("layer norm", f => f.On(new LayerNormalization(), f.Reals(f.Size(3)), f.Reals(f.Size(3))));
        yield return ("layer norm of two axes", f => f.On(new LayerNormalization { Axis = 2 }, f.Reals(f.Size(2), f.Size(3))));
        yield return ("lrn", f => f.On(new Lrn { Size = 3 }));
        yield return ("matmul constant", f => f.On(new MatMul(), f.Reals(f.Size(3), 5)));
        yield return ("matmul constant of rank 1", f => f.On(new MatMul(), f.Reals(f.Size(3))));
        yield return ("matmul bias relu", f => f._graph.Add(new Relu(), f._graph.Add(new Add(), f.On(new MatMul(), f.Reals(f.Size(3), 5)), f.Reals(5))));
        yield return ("constant matmul", f => f._graph.Add(new MatMul(), f.Reals(5, f.Size(2)), f._x));
        yield return ("matmul with its transpose", f => f.On(new MatMul(), f._graph.Add(new Transpose([0, 1, 3, 2]), f._x)));
        yield return ("matmul of rows with rows", f => f._graph.Add(new MatMul(), f.Rows(1), f._graph.Add(new Transpose([1, 0]), f.Rows(1))));
        yield return ("gemm of rows with rows", f => f._graph.Add(new Gemm { TransB = true }, f.Rows(1), f.Rows(1)));
        yield return ("gemm of columns with columns", f => f._graph.Add(new Gemm { TransA = true }, f.Rows(1), f.Rows(1)));
        yield return ("gemm of columns with rows", f => f._graph.Add(new Gemm { TransA = true, TransB = true }, f._graph.Add(new Transpose([1, 0]), f.Rows(1)), f.Rows(1)));
        yield return ("gemm with a batch of biases", f => f._graph.Add(new Gemm { TransB = true }, f.Rows(1), f.Rows(1), f._graph.Add(new ReduceMean([1]), f.Rows(1))));
        yield return ("scaled similarity", f => f._graph.Add(new Softmax { Axis = -1 }, f._graph.Add(new Mul(), f.Real(3f), f._graph.Add(new MatMul(), f.Rows(1), f._graph.Add(new Transpose([1, 0]), f.Rows(1))))));
        yield return ("quantized", f => f.Quantized(f._x));
        yield return ("quantized relu", f => f.Quantized(f._graph.Add(new Relu(), f.Quantized(f._x))));
        yield return ("quantized sigmoid", f => f.Quantized(f._graph.Add(new Sigmoid(), f.Quantized(f._x))));
        yield return ("quantized sum", f => f.Quantized(f._graph.Add(new Add(), f.Quantized(f._x), f.Quantized(f._graph.Add(new Relu(), f._x)))));
        yield return ("quantized gate", f => f.Quantized(f._graph.Add(new Mul(), f.Quantized(f._x), f.Quantized(f.Mean(2, 3)))));
        yield return ("quantized transpose", f => f._graph.Add(new Relu(), f._graph.Add(new Transpose([1, 0, 3, 2]), f.Quantized(f._x))));
        yield return ("quantized reshape", f => f._graph.Add(new Relu(), f._graph.Add(new Reshape(), f.Quantized(f._x), f.Integers(-1, f.Size(2), f.Size(3)))));
        yield return ("quantized max pool", f => f.Quantized(f._graph.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 1, 1) }, f.Quantized(f._x))));
        yield return ("quantized average", f => f.Quantized(f._graph.Add(new GlobalAveragePool(), f.Quantized(f._x))));
        yield return ("quantized concat", f => f.Quantized(f._graph.Add(new Concat(1), f.Quantized(f._x), f.Quantized(f._graph.Add(new Relu(), f._x)))));
        yield return ("quantized conv", f => f.Quantized(f.Conv(f.Quantized(f._x), 3, quantized: true)));
        yield return ("quantized matmul", f => f.Quantized(f._graph.Add(new MatMul(), f.Quantized(f.Rows(1)), f.Dequantized(f._graph.Add(new Transpose([1, 0]), f.Quantized(f.Rows(1)))))));
        yield return ("quantized similarity", f => f.Quantized(f._graph.Add(new Gemm { TransB = true }, f.Quantized(f.Rows(1)), f.Quantized(f.Rows(1)))));
        yield return ("scales of the batch", f => f._graph.Add(new DequantizeLinear { Axis = f.BatchAxis }, f._graph.Add(new QuantizeLinear { Axis = f.BatchAxis }, f._x, f.Scales(), f.ZeroBytes()), f.Scales(), f.ZeroBytes()));
        for (var each = 0; each < 4; each++)
        {
            var axis = each;
            yield return ($"add along {axis}", f => f.On(new Add(), f.Reals([.. Enumerable.Range(0, 4).Select(at => at == axis ? f.Size(at) : 1)])));
            yield return ($"multiply from {axis}", f => f.On(new Mul(), f.Reals([.. Enumerable.Range(axis, 4 - axis).Select(at => at == f.BatchAxis ? 1 : f.Size(at))])));
            yield return ($"softmax {axis}", f => f.On(new Softmax { Axis = axis }));
            yield return ($"log softmax {axis}", f => f.On(new LogSoftmax { Axis = axis }));
            yield return ($"sum {axis}", f => f.On(new ReduceSum([axis])));
            yield return ($"sum from {axis}", f => f.On(new ReduceSum([.. Enumerable.Range(axis, 4 - axis)], KeepDims: false)));
            yield return ($"mean {axis}", f => f.On(new ReduceMean([axis], KeepDims: false)));
            yield return ($"mean but {axis}", f => f.Mean([.. Enumerable.Range(0, 4).Where(at => at != axis)]));
            yield return ($"channel sums but {axis}", f => f.On(new ReduceSum([.. Enumerable.Range(0, 4).Where(at => at != axis)], KeepDims: false)));
            yield return ($"maximum {axis}", f => f.On(new ReduceMax([axis])));
            yield return ($"arg max {axis}", f => f.On(new ArgMax(axis)));
            yield return ($"concat {axis}", f => f.On(new Concat(axis), f._graph.Add(new Relu(), f._x)));
            yield return ($"concat a constant {axis}", f => f.On(new Concat(axis), f.Reals([.. Enumerable.Range(0, 4).Select(at => at == axis ? 1 : f.Size(at))])));
            yield return ($"split {axis}", f => f._graph.Add(new Add(), f.Split(axis)[0], f.Split(axis)[1]));
            yield return ($"slice {axis}", f => f.Slice(axis, 1, long.MaxValue, 1));
            yield return ($"first {axis}", f => f.Slice(axis, 0, 1, 1));
            yield return ($"last {axis}", f => f.Slice(axis, -1, long.MaxValue, 1));
            yield return ($"reverse {axis}", f => f.Slice(axis, -1, long.MinValue, -1));
            yield return ($"every second {axis}", f => f.Slice(axis, 0, long.MaxValue, 2));
            yield return ($"gather {axis}", f => f.On(new Gather(axis), f.Integers(0, 0)));
            yield return ($"gather one {axis}", f => f.On(new Gather(axis), f._graph.AddConstant("index", Tensor.Scalar(-1L))));
            yield return ($"pad {axis}", f => f.On(new Pad(), f.Integers([.. Enumerable.Range(0, 8).Select(at => at % 4 == axis ? 1L : 0)])));
            yield return ($"tile {axis}", f => f.On(new Tile(), f.Integers([.. Enumerable.Range(0, 4).Select(at => at == axis ? 3L : 1)])));
            yield return ($"flatten after {axis}", f => f._graph.Add(new Relu(), f.On(new Flatten(axis + 1))));
            yield return ($"enlarge {axis}", f => f.On(new Resize(), null, f._graph.AddConstant("scales", Tensor.Vector<float>([.. Enumerable.Range(0, 4).Select(at => at == axis ? 2f : 1)]))));
            if (axis > 0) yield return ($"gemm of rows {axis}", f => f._graph.Add(new Gemm { TransB = true }, f.Rows(axis), f.Reals(5, f.RowLength(axis)), f.Reals(5)));
            foreach (var other in Enumerable.Range(axis + 1, 3 - axis))
            {
                int[] order = [0, 1, 2, 3];
                (order[axis], order[other]) = (other, axis);
                yield return ($"swap {axis} and {other}", f => f._graph.Add(new Relu(), f.On(new Transpose([.. order]))));
                yield return ($"sum {axis} and {other}", f => f.On(new ReduceSum([axis, other])));
            }
        }
    }

    private readonly Graph _graph = graph;
    private readonly Value _x = x;

    private int BatchAxis => batchAxis;

    private static IEnumerable<int> Others(BatchForms f) => Enumerable.Range(0, 4).Where(axis => axis != f.BatchAxis);

    private Value On(Op op, params Value?[] others) => _graph.Add(op, [_x, .. others]);

    // The size of an axis that does not grow.
    private int Size(int axis) => _x.Type[axis] is { IsFixed: true } dim ? dim.Size : throw new PithException($"axis {axis} is the batch");

    private Value Reals(params int[] sizes)
    {
        var tensor = Tensor.Zeros<float>(new Shape(sizes));
        foreach (ref var value in tensor.Span) value = _random.Next(-16, 17) / 16f;
        return _graph.AddConstant("reals", tensor);
    }

    private Value Positive(int count) => _graph.AddConstant("positive", Tensor.Vector<float>([.. Enumerable.Range(1, count).Select(i => 0.25f * i)]));

    private Value Real(float value) => _graph.AddConstant("real", Tensor.Scalar(value));

    private Value Integers(params long[] values) => _graph.AddConstant("integers", Tensor.Vector(values));

    private Value Mean(params int[] axes) => On(new ReduceMean([.. axes]));

    // Matrices whose rows are the axes before and after.
    private Value Rows(int axis) => On(new Flatten(axis));

    private int RowLength(int axis) => Enumerable.Range(axis, 4 - axis).Aggregate(1, (product, at) => product * Size(at));

    private IReadOnlyList<Value> Split(int axis) => _graph.AddNode(new Split(axis, 2), [_x], "split").Outputs;

    private Value Slice(int axis, long start, long end, long step) => On(new Slice(), Integers(start), Integers(end), Integers(axis), Integers(step));

    private Value Conv(Value x, int kernel, bool quantized = false)
    {
        var channels = Size(1);
        var op = new Conv { Window = WindowAttributes.Uniform(kernel, 1, kernel / 2) };
        if (!quantized) return _graph.Add(op, x, Reals(channels, channels, kernel, kernel), Reals(channels));
        var weights = Tensor.Zeros<sbyte>(new Shape(channels, channels, kernel, kernel));
        foreach (ref var weight in weights.Span) weight = (sbyte)_random.Next(-127, 128);
        return _graph.Add(op, x, _graph.Add(new DequantizeLinear(), _graph.AddConstant("weights", weights), Real(1 / 512f)));
    }

    // Powers of two: sums of products are exact, and so equal in whatever way they are computed.
    private Value Quantized(Value value)
    {
        var (scale, zero) = (Real(1 / 32f), _graph.AddConstant("zero", Tensor.Scalar((sbyte)3)));
        return _graph.Add(new DequantizeLinear(), _graph.Add(new QuantizeLinear(), value, scale, zero), scale, zero);
    }

    private Value Dequantized(Value value) => Quantized(value);

    // One scale for each image.
    private Value Scales()
    {
        var maxima = _graph.Add(new ReduceMax([.. Others(this)], KeepDims: false), _graph.Add(new Abs(), _x));
        return _graph.Add(new Add(), _graph.Add(new Mul(), maxima, Real(0.01f)), Real(0.001f));
    }

    private Value ZeroBytes() => _graph.Add(new Cast(DataType.Int8), _graph.Add(new Mul(), Scales(), Real(0f)));
}
