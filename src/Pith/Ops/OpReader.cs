namespace Pith;

/// <summary>
/// What an op is built from when a file is read: the node's attributes and the file's opset. Ops whose operands changed between opsets
/// normalise them here: an attribute of an old opset becomes an operand with <see cref="SetInput"/>, or a constant operand becomes an attribute with <see cref="TakeInput"/>.
/// </summary>
public sealed class OpReader
{
    private readonly IReadOnlyDictionary<string, object> _attributes;
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);
    private readonly List<Tensor?> _constants;
    private readonly Dictionary<int, Tensor?> _replaced = [];
    private readonly IReadOnlyList<TensorType?> _inputTypes;

    /// <summary>Creates a reader.</summary>
    /// <param name="opType">The op's name, for messages.</param>
    /// <param name="nodeName">The node's name, for messages.</param>
    /// <param name="opset">The file's opset for the op's domain.</param>
    /// <param name="attributes">Each a long, float, string, long[], float[], string[] or <see cref="Tensor"/>.</param>
    /// <param name="inputConstants">The operands that are constants; null for others.</param>
    /// <param name="outputCount">The number of outputs of the node.</param>
    /// <param name="inputTypes">The operands' types, null where an operand is absent; without it the constants' types.</param>
    public OpReader(
        string opType, string nodeName, int opset, IReadOnlyDictionary<string, object> attributes, IEnumerable<Tensor?> inputConstants, int outputCount,
        IReadOnlyList<TensorType?>? inputTypes = null)
    {
        OpType = opType;
        NodeName = nodeName;
        Opset = opset;
        OutputCount = outputCount;
        _attributes = attributes;
        _constants = [.. inputConstants];
        _inputTypes = inputTypes ?? [.. _constants.Select(constant => constant is null ? null : TensorType.Of(constant))];
    }

    /// <summary>The op's name.</summary>
    public string OpType { get; }

    /// <summary>The node's name.</summary>
    public string NodeName { get; }

    /// <summary>The file's opset for the op's domain.</summary>
    public int Opset { get; }

    /// <summary>The type of operand <paramref name="index"/>, or null when it is absent.</summary>
    public TensorType? InputType(int index) => index < _inputTypes.Count ? _inputTypes[index] : null;

    /// <summary>Operand <paramref name="index"/> when it is known before anything runs, else null.</summary>
    public Tensor? InputConstant(int index) => index < _constants.Count ? _constants[index] : null;

    /// <summary>The number of outputs of the node.</summary>
    public int OutputCount { get; }

    /// <summary>Operands that the op added (a tensor) or took away (null), by index.</summary>
    public IReadOnlyDictionary<int, Tensor?> ReplacedInputs => _replaced;

    /// <summary>The attributes that no read asked for; the importer refuses a node that has any.</summary>
    public IEnumerable<string> Unread => _attributes.Keys.Where(name => !_read.Contains(name));

    /// <summary>True when the attribute is present.</summary>
    public bool Has(string name) => _attributes.ContainsKey(name);

    /// <summary>An integer attribute.</summary>
    public long Int(string name, long fallback) => Get<long>(name, out var value) ? value : fallback;

    /// <summary>An integer attribute that fits 32 bits.</summary>
    public int Int32(string name, int fallback) => ToInt32(name, Int(name, fallback));

    /// <summary>An integer attribute that says yes or no.</summary>
    public bool Flag(string name, bool fallback) => Int(name, fallback ? 1 : 0) != 0;

    /// <summary>A float attribute.</summary>
    public float Float(string name, float fallback) => Get<float>(name, out var value) ? value : fallback;

    /// <summary>A text attribute.</summary>
    public string Text(string name, string fallback) => Get<string>(name, out var value) ? value : fallback;

    /// <summary>A list of integers that fit 32 bits, or null when absent.</summary>
    public ValueList<int>? Ints(string name) => Get<long[]>(name, out var value) ? value.Select(number => ToInt32(name, number)).ToValueList() : null;

    /// <summary>A list of integers, or null when absent.</summary>
    public ValueList<long>? Int64s(string name) => Get<long[]>(name, out var value) ? ValueList.Create<long>(value) : null;

    /// <summary>A list of floats, or null when absent.</summary>
    public ValueList<float>? Floats(string name) => Get<float[]>(name, out var value) ? ValueList.Create<float>(value) : null;

    /// <summary>A tensor attribute, or null when absent.</summary>
    public Tensor? TensorAttribute(string name) => Get<Tensor>(name, out var value) ? value : null;

    /// <summary>Declares an attribute of old opsets that changes nothing.</summary>
    public void Ignore(string name) => _read.Add(name);

    /// <summary>Puts a constant at operand <paramref name="index"/>; absent operands in between stay absent.</summary>
    public void SetInput(int index, Tensor constant) => _replaced[index] = constant;

    /// <summary>Takes operand <paramref name="index"/>, which must be constant when it is present, out of the operands (it becomes an attribute of the op). Null when absent.</summary>
    /// <exception cref="PithException">The operand is present but not constant.</exception>
    public Tensor? TakeInput(int index)
    {
        if (InputType(index) is null) return null;
        var constant = _constants[index] ?? throw Error($"operand {index} must be a constant");
        _replaced[index] = null;
        return constant;
    }

    /// <summary>An exception that names op, node and opset.</summary>
    public PithException Error(string problem) => new($"{OpType} '{NodeName}' (opset {Opset}): {problem}.");

    private bool Get<T>(string name, out T value)
    {
        _read.Add(name);
        value = default!;
        if (!_attributes.TryGetValue(name, out var found)) return false;
        if (found is not T typed) throw Error($"attribute '{name}' should be of type {typeof(T).Name}, got {found.GetType().Name}");
        value = typed;
        return true;
    }

    private int ToInt32(string name, long number) =>
        number is >= int.MinValue and <= int.MaxValue ? (int)number : throw Error($"attribute '{name}' has the value {number}, which does not fit 32 bits");
}
