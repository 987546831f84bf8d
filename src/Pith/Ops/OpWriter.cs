namespace Pith;

/// <summary>Where an op writes its attributes for export, in the form of the target opset.</summary>
/// <param name="opset">The opset of the file that is written.</param>
/// <param name="inputTypes">The operands' types, null where an operand is absent.</param>
public sealed class OpWriter(int opset, IReadOnlyList<TensorType?> inputTypes)
{
    private readonly SortedDictionary<string, object> _attributes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, Tensor> _inputs = [];

    /// <summary>The opset of the file that is written.</summary>
    public int Opset { get; } = opset;

    /// <summary>The type of operand <paramref name="index"/>, or null when it is absent; older opsets know fewer types.</summary>
    public TensorType? InputType(int index) => index < inputTypes.Count ? inputTypes[index] : null;

    /// <summary>The attributes so far: long, float, string, long[] or <see cref="Tensor"/>.</summary>
    public IReadOnlyDictionary<string, object> Attributes => _attributes;

    /// <summary>Operands that the target opset has where Pith has an attribute, by index.</summary>
    public IReadOnlyDictionary<int, Tensor> ExtraInputs => _inputs;

    /// <summary>Requires the target opset to be <paramref name="since"/> or later.</summary>
    /// <param name="since">The opset that brought the construct.</param>
    /// <param name="construct">What is written, e.g. <c>AveragePool with dilations</c>.</param>
    /// <exception cref="PithException">The opset is older.</exception>
    public void RequireOpset(int since, string construct)
    {
        if (Opset < since) throw new PithException($"{construct} can be written at opset {since} or later, not {Opset}.");
    }

    /// <summary>Writes an integer.</summary>
    public void Int(string name, long value) => _attributes[name] = value;

    /// <summary>Writes a yes or no as 1 or 0.</summary>
    public void Flag(string name, bool value) => _attributes[name] = value ? 1L : 0L;

    /// <summary>Writes a float.</summary>
    public void Float(string name, float value) => _attributes[name] = value;

    /// <summary>Writes a text.</summary>
    public void Text(string name, string value) => _attributes[name] = value;

    /// <summary>Writes a list of integers.</summary>
    public void Ints(string name, ValueList<int> value) => _attributes[name] = value.Select(number => (long)number).ToArray();

    /// <summary>Writes a tensor attribute.</summary>
    public void TensorAttribute(string name, Tensor value) => _attributes[name] = value;

    /// <summary>Adds a constant as operand <paramref name="index"/>.</summary>
    public void Input(int index, Tensor constant) => _inputs[index] = constant;
}
