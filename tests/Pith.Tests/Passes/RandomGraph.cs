using Pith.Ops;

namespace Pith.Tests.Passes;

/// <summary>Small random networks with everything that the simplifying passes look for, and with what stops them: other readers, graph outputs, computed operands.</summary>
internal sealed class RandomGraph
{
    private readonly Random _random;
    private readonly List<Value> _values = [];
    private int _constants;

    private RandomGraph(int seed) => _random = new Random(seed);

    public Graph Graph { get; } = new("random");

    /// <summary>A graph and inputs for it.</summary>
    public static (Graph Graph, Tensor[] Inputs) Create(int seed)
    {
        var builder = new RandomGraph(seed);
        var batch = builder._random.Next(2) == 0 ? Dim.Named("N") : 2;
        builder._values.Add(builder.Graph.AddInput("x", TensorType.Float32(batch, 4, 5, 6)));
        for (var i = builder._random.Next(3, 14); i > 0; i--) builder._values.Add(builder.Step(builder.Recent()));
        builder.AddOutputs();
        return (builder.Graph, [builder.Real(new Shape(2, 4, 5, 6))]);
    }

    private Value Step(Value x) => _random.Next(16) switch
    {
        0 or 1 => Conv(x),
        2 or 3 => BatchNorm(Conv(x)),
        4 => Graph.Add(new Relu(), _random.Next(2) == 0 ? BatchNorm(x) : x),
        5 => PerChannel(Conv(x)),
        6 => Graph.Add(new Add(), x, _values.Last(value => value.Type == x.Type)),
        7 => DoesNothing(x),
        8 => DoesNothing(Graph.Add(new Clip(), x, Scalar(-1), Scalar(1))),
        9 => Graph.Add(new Transpose([0, 3, 2, 1]), Graph.Add(new Transpose([0, 3, 2, 1]), x)),
        10 => Reshaped(x),
        11 => Graph.Add(new Add(), Graph.Add(new Sigmoid(), x), Graph.Add(new Sigmoid(), x)),
        12 => BatchNorm(ConvTranspose(x)),
        13 => LayerScale(x),
        14 => TakenApart(x),
        _ => Graph.Add(new Mul(), x, Graph.Add(new Add(), Scalar(0.5f), Scalar(0.25f))),
    };

    private Value Conv(Value x)
    {
        var groups = _random.Next(3) == 0 ? 4 : 1;
        var kernel = _random.Next(2) * 2 + 1;
        var weight = Weight(new Shape(4, 4 / groups, kernel, kernel));
        var window = WindowAttributes.Uniform(kernel, pad: kernel / 2);
        var op = new Conv { Window = window, Groups = groups };
        return _random.Next(2) == 0 ? Graph.Add(op, x, weight) : Graph.Add(op, x, weight, Constant(new Shape(4)));
    }

    private Value ConvTranspose(Value x)
    {
        var groups = _random.Next(2) + 1;
        return Graph.Add(new ConvTranspose { Groups = groups }, x, Constant(new Shape(4, 4 / groups, 1, 1)), Constant(new Shape(4)));
    }

    // A float constant, or one after Q/DQ, or integers after DQ; per tensor or per channel.
    private Value Weight(Shape shape)
    {
        var kind = _random.Next(4);
        if (kind < 2) return Constant(shape);
        var scales = Tensor.Zeros<float>(_random.Next(2) == 0 ? new Shape() : new Shape(4));
        for (var i = 0; i < scales.Length; i++) scales.Data[i] = 0.01f + _random.NextSingle() * 0.02f;
        var scale = Graph.AddConstant("scale", scales);
        var zero = Graph.AddConstant("zero", Tensor.Zeros<sbyte>(scales.Shape));
        if (kind == 2) return Graph.Add(new DequantizeLinear { Axis = 0 }, Graph.Add(new QuantizeLinear { Axis = 0 }, Constant(shape), scale, zero), scale, zero);
        var integers = Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => (sbyte)_random.Next(-127, 128)).ToArray());
        return Graph.Add(new DequantizeLinear { Axis = 0 }, Graph.AddConstant("integers", integers), scale, zero);
    }

    private Value BatchNorm(Value x)
    {
        var variance = Real(new Shape(4));
        for (var i = 0; i < variance.Length; i++) variance.Data[i] = 0.2f + Math.Abs(variance.Data[i]);
        var gamma = Real(new Shape(4));
        if (_random.Next(4) == 0) gamma.Data[1] = 0;
        return Graph.Add(new BatchNormalization(), x, Graph.AddConstant("gamma", gamma), Constant(new Shape(4)), Constant(new Shape(4)), Graph.AddConstant("variance", variance));
    }

    private Value PerChannel(Value x)
    {
        var constant = _random.Next(3) switch { 0 => Constant(new Shape(4, 1, 1)), 1 => Constant(new Shape(1, 4, 1, 1)), _ => Scalar(_random.NextSingle() + 0.5f) };
        return _random.Next(5) switch
        {
            0 => Graph.Add(new Mul(), constant, x),
            1 => Graph.Add(new Add(), x, constant),
            2 => Graph.Add(new Sub(), constant, x),
            3 => Graph.Add(new Sub(), x, constant),
            _ => Graph.Add(new Mul(), Graph.Add(new Add(), x, constant), constant),
        };
    }

    // A matrix product on the channels of each pixel, with a factor for each channel before or after they move back.
    private Value LayerScale(Value x)
    {
        var y = Graph.Add(new MatMul(), Graph.Add(new Transpose([0, 2, 3, 1]), x), Constant(new Shape(4, 4)));
        if (_random.Next(2) == 0) y = Graph.Add(new Add(), Constant(new Shape(4)), y);
        return _random.Next(2) == 0
            ? Graph.Add(new Mul(), Constant(new Shape(4, 1, 1)), Graph.Add(new Transpose([0, 3, 1, 2]), y))
            : Graph.Add(new Transpose([0, 3, 1, 2]), Graph.Add(new Mul(), y, Constant(new Shape(4))));
    }

    // Turned so that the batch is further in, and taken apart there.
    private Value TakenApart(Value x)
    {
        var turned = Graph.Add(new Transpose([1, 0, 2, 3]), x);
        if (_random.Next(2) == 0) return Graph.Add(new Concat(1), [.. Enumerable.Range(0, 4).Select(i => Graph.Add(new Unsqueeze([1]), Graph.Add(new Gather(_random.Next(2) * 4 - 4), turned, Graph.AddConstant("index", Tensor.Scalar((long)i)))))]);
        var parts = Graph.AddNode(new Split(0, 2, [1, 3]), [turned], "split", ["part", "part"]).Outputs;
        return Graph.Add(new Concat(1), [.. parts.Select(part => Graph.Add(new Transpose([1, 0, 2, 3]), part))]);
    }

    private Value DoesNothing(Value x) => _random.Next(6) switch
    {
        0 => Graph.Add(new Identity(), x),
        1 => Graph.Add(new Dropout(), x),
        2 => Graph.Add(new Concat(1), x),
        3 => Graph.Add(new Pad(), x, Graph.AddConstant("pads", Tensor.Zeros<long>(new Shape(8)))),
        4 => Graph.Add(new Cast(DataType.Float32), x),
        _ => Graph.Add(new Slice(), x, Integers(0), Integers(int.MaxValue), Integers(2)),
    };

    private Value Reshaped(Value x)
    {
        var flat = Graph.Add(new Reshape(), x, Integers(0, -1));
        return Graph.Add(new Reshape(), flat, _random.Next(2) == 0 ? Integers(-1, 4, 5, 6) : Graph.Add(new Concat(0), Batch(x), Integers(4, 5, 6)));
    }

    private Value Batch(Value x) => Graph.Add(new Gather(0), Graph.Add(new ShapeOf(), x), Integers(0));

    private void AddOutputs()
    {
        var pooled = Graph.Add(new GlobalAveragePool(), _values[^1]);
        if (_random.Next(3) == 0) pooled = Graph.Add(new Sum(), pooled, Graph.Add(new Max(), pooled, Scalar(0.25f)));
        var flat = _random.Next(2) == 0 ? Graph.Add(new Flatten(), pooled) : Graph.Add(new Reshape(), pooled, Graph.Add(new Concat(0), Batch(pooled), Integers(-1)));
        Graph.AddOutput(_random.Next(3) == 0
            ? Graph.Add(new Gemm { Alpha = 0.5f, Beta = 2 }, flat, Constant(new Shape(4, 3)), Constant(new Shape(1, 3)))
            : Graph.Add(new Add(), Graph.Add(new MatMul(), flat, Constant(new Shape(4, 3))), Constant(new Shape(3))));
        foreach (var value in _values)
            if (_random.Next(8) == 0 && !value.IsGraphOutput) Graph.AddOutput(value);
    }

    private Value Recent() => _values[Math.Max(0, _values.Count - 1 - _random.Next(2))];

    private Value Scalar(float value) => Graph.AddConstant($"c{_constants++}", Tensor.Scalar(value));

    private Value Integers(params ReadOnlySpan<long> values) => Graph.AddConstant($"i{_constants++}", Tensor.Vector(values));

    private Value Constant(Shape shape) => Graph.AddConstant($"w{_constants++}", Real(shape));

    private Tensor<float> Real(Shape shape) => Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => _random.NextSingle() * 2 - 1).ToArray());
}
