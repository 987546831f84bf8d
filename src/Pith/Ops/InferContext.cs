namespace Pith;

/// <summary>What an op sees while the types of its outputs are inferred: the operands' types, constants and known shape contents.</summary>
public sealed class InferContext
{
    private readonly string _nodeName;
    private readonly Op _op;
    private readonly IReadOnlyList<Value?> _inputs;
    private readonly ValueList<Dim>?[] _shapeValues;

    internal InferContext(string nodeName, Op op, IReadOnlyList<Value?> inputs, int outputCount)
    {
        _nodeName = nodeName;
        _op = op;
        _inputs = inputs;
        OutputCount = outputCount;
        _shapeValues = new ValueList<Dim>?[outputCount];
    }

    /// <summary>How many outputs the node has.</summary>
    public int OutputCount { get; }

    /// <summary>How many operands were given, absent optional ones in between included.</summary>
    public int InputCount => _inputs.Count;

    /// <summary>True when operand <paramref name="index"/> is present.</summary>
    public bool Has(int index) => index < _inputs.Count && _inputs[index] is not null;

    /// <summary>The type of operand <paramref name="index"/>.</summary>
    /// <exception cref="PithException">The operand is absent.</exception>
    public TensorType Type(int index) => Has(index) ? _inputs[index]!.Type : throw Error($"operand {index} is missing");

    /// <summary>The tensor of operand <paramref name="index"/> when it is a constant, else null.</summary>
    public Tensor? Constant(int index) => Has(index) ? _inputs[index]!.Constant : null;

    /// <summary>The elements of a small integer operand as far as they are known, symbols included; null when nothing is known.</summary>
    public ValueList<Dim>? KnownShapeValue(int index) => Has(index) ? _inputs[index]!.ShapeValue : null;

    /// <summary>The elements of an integer operand that decides the output's shape: of a constant, or of shape arithmetic that came out without symbols.</summary>
    /// <exception cref="PithException">The operand is absent or its elements are not known.</exception>
    public long[] ConstantInt64s(int index)
    {
        if (Constant(index) is { } constant) return constant.ToInt64s();
        if (KnownShapeValue(index) is { } content && content.All(dim => dim.IsFixed)) return [.. content.Select(dim => dim.Value)];
        throw Error($"operand {index} ('{(Has(index) ? _inputs[index]!.Name : "absent")}') decides the shape of the output and must be a constant");
    }

    /// <summary>The elements of an integer operand that decides the output's shape, symbols included where shape arithmetic has them.</summary>
    /// <exception cref="PithException">The operand is absent or its elements are not known.</exception>
    public ValueList<Dim> Dims(int index) => KnownShapeValue(index) ?? ConstantInt64s(index).Select(Dim.Of).ToValueList();

    /// <summary>A size along axis <paramref name="axis"/> of the first output that only the run can tell.</summary>
    public Dim UnknownSize(int axis) => Dim.Unknown($"{_nodeName}:0.{axis}");

    /// <summary>An axis counted from the front; a negative <paramref name="axis"/> counts from the end of <paramref name="rank"/> dimensions.</summary>
    /// <exception cref="PithException">There is no such axis.</exception>
    public int Axis(long axis, int rank) =>
        axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : throw Error($"axis {axis} is outside of the {rank} dimensions");

    /// <summary>Declares what is known of the elements of output <paramref name="output"/> (a shape or an axis).</summary>
    public void SetShapeValue(int output, ValueList<Dim> value) => _shapeValues[output] = value;

    /// <summary>An exception that says which node and op, what is wrong and what the operands are.</summary>
    public PithException Error(string problem)
    {
        var operands = string.Join(", ", _inputs.Select(input => input is null ? "absent" : input.ToString()));
        return new PithException($"{_op.Schema.Name} '{_nodeName}': {problem} (operands: {(operands.Length == 0 ? "none" : operands)}).");
    }

    internal ValueList<Dim>? ShapeValue(int output) => _shapeValues[output];

    internal ValueList<TensorType> Infer()
    {
        var schema = _op.Schema;
        var needed = Math.Min(schema.MinInputs, schema.MaxInputs);
        if (_inputs.Count < needed || _inputs.Count > schema.MaxInputs)
            throw Error($"expected {(schema.MaxInputs == needed ? needed.ToString(System.Globalization.CultureInfo.InvariantCulture) : schema.MaxInputs == int.MaxValue ? $"{needed} or more" : $"{needed} to {schema.MaxInputs}")} operands, got {_inputs.Count}");
        if (OutputCount > Math.Max(schema.MaxOutputs, _op.MinOutputs)) throw Error($"has at most {schema.MaxOutputs} outputs, {OutputCount} were asked for");
        ValueList<TensorType> types;
        try
        {
            types = _op.Infer(this);
        }
        catch (OverflowException)
        {
            throw Error("a size of the output is larger than Pith can represent");
        }
        catch (PithException failure) when (failure.InnerException is OverflowException)
        {
            throw Error($"a size of the output is larger than Pith can represent: {failure.Message}");
        }
        catch (Exception failure) when (failure is IndexOutOfRangeException or ArgumentOutOfRangeException or DivideByZeroException)
        {
            throw Error("the operands' ranks or the attributes do not fit the op");
        }
        foreach (var type in types)
        {
            if (type.Rank > TensorType.MaxRank) throw Error($"the output would have {type.Rank} dimensions; Pith handles up to {TensorType.MaxRank}");
            foreach (var dim in type.Dims.Span)
            {
                if (!dim.IsFixed || dim.Value is >= 0 and <= int.MaxValue) continue;
                throw Error(dim.Value < 0 ? $"the output would have the negative size {dim} ({type}); the kernel or slice is larger than the input" : $"the size {dim} of the output ({type}) is larger than Pith can represent");
            }
        }
        if (types.Count != OutputCount) throw Error($"infers {types.Count} outputs, {OutputCount} were asked for");
        // Shapes are vectors and scalars; the elements of a matrix are not a shape.
        for (var i = 0; i < types.Count; i++)
            if (_shapeValues[i] is { } content) _shapeValues[i] = types[i].Rank > 1 ? null : ShapeValues.As(content, types[i].DataType);
        return types;
    }
}
