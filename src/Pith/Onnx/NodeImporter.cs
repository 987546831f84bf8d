namespace Pith.Onnx;

/// <summary>Adds a file's nodes to a graph, one after the other in dependency order.</summary>
internal sealed class NodeImporter
{
    private readonly Graph _graph;
    private readonly Dictionary<string, Value> _values;
    private readonly Dictionary<string, int> _opsets;
    private readonly HashSet<(string Domain, string Name)> _functions;
    private readonly ExternalData _external;
    private readonly KnownValues _known = new();

    /// <summary>Creates an importer.</summary>
    /// <param name="graph">Where the nodes go.</param>
    /// <param name="values">The values by their names in the file; outputs are added.</param>
    /// <param name="opsets">The file's opset per domain.</param>
    /// <param name="functions">The functions that the file defines.</param>
    /// <param name="external">Where external data is found.</param>
    public NodeImporter(Graph graph, Dictionary<string, Value> values, Dictionary<string, int> opsets, IEnumerable<FunctionProto> functions, ExternalData external)
    {
        _graph = graph;
        _values = values;
        _opsets = opsets;
        _functions = functions.Select(function => (function.Domain, function.Name)).ToHashSet();
        _external = external;
    }

    /// <summary>Adds <paramref name="proto"/>, or the constant that it stands for.</summary>
    /// <exception cref="PithException">The op is not supported, or attributes or operands do not fit; the message names node, op and opset.</exception>
    public void Import(NodeProto proto)
    {
        var domain = proto.Domain == "ai.onnx" ? OpSchema.OnnxDomain : proto.Domain;
        var opset = _opsets.GetValueOrDefault(domain, 1);
        var name = proto.Name.Length > 0 ? proto.Name : proto.Output.FirstOrDefault(output => output.Length > 0) ?? proto.OpType;
        PithException Error(string problem) => new($"{proto.OpType} '{name}' (opset {opset}): {problem}.");
        try
        {
            if (domain == OpSchema.OnnxDomain && proto.OpType == "Constant")
            {
                AddConstant(proto, Error);
                return;
            }
            var schema = OpCatalog.Find(domain, proto.OpType);
            if (schema is null || _functions.Contains((proto.Domain, proto.OpType))) throw UnsupportedOp.Explain(proto, name, opset, isFunction: schema is not null || _functions.Contains((proto.Domain, proto.OpType)));
            if (domain == OpSchema.OnnxDomain && !Opsets.IsReadable(proto.OpType, opset))
                throw Error($"the op means something else before opset {Opsets.OldestRead}. Convert the model (onnx.version_converter) to opset {Opsets.OldestRead} to {Opsets.Newest}");
            AddNode(proto, schema, name, opset, Error);
        }
        catch (Exception failure) when (failure is IndexOutOfRangeException or ArgumentException or OverflowException or DivideByZeroException or InvalidCastException or NullReferenceException)
        {
            // An op that did not expect what a damaged file holds.
            throw new PithException(Error("the attributes or operands do not fit the op").Message, failure);
        }
    }

    private void AddConstant(NodeProto proto, Func<string, PithException> error)
    {
        if (proto.Output.Count != 1 || proto.Output[0].Length == 0) throw error("a Constant has exactly one output");
        var attributes = AttributeReader.Read(proto, _external, error);
        if (attributes.Count != 1) throw error($"a Constant has exactly one value, this one has {attributes.Count}");
        var (key, value) = attributes.Single();
        Tensor tensor = (key, value) switch
        {
            ("value", Tensor given) => given,
            ("value_float", float given) => Tensor.Scalar(given),
            ("value_floats", float[] given) => Tensor.Vector<float>(given),
            ("value_int", long given) => Tensor.Scalar(given),
            ("value_ints", long[] given) => Tensor.Vector<long>(given),
            _ => throw error($"a Constant given as '{key}' is not supported; it must be value, value_float(s) or value_int(s)"),
        };
        _values[proto.Output[0]] = _graph.AddConstant(proto.Output[0], tensor);
    }

    private void AddNode(NodeProto proto, OpSchema schema, string name, int opset, Func<string, PithException> error)
    {
        var inputs = proto.Input.Select(input => input.Length == 0 ? null : _values[input]).ToList();
        var outputNames = proto.Output.Reverse().SkipWhile(output => output.Length == 0).Reverse().ToArray();
        var reader = new OpReader(
            proto.OpType, name, opset, AttributeReader.Read(proto, _external, error), inputs.Select(input => input is null ? null : _known.Find(input)), outputNames.Length,
            [.. inputs.Select(input => input?.Type)]);
        var op = schema.Read(reader);
        if (reader.Unread.FirstOrDefault() is { } unread) throw error($"attribute '{unread}' is not known to Pith");

        var operands = Operands(inputs, reader, schema, name);
        var node = _graph.AddNode(op, operands, name, outputNames);
        for (var i = 0; i < outputNames.Length; i++)
            if (outputNames[i].Length > 0) _values[outputNames[i]] = node.Outputs[i];
        _known.Learn(node);
    }

    // The operands as the op has them in Pith: normalised by Read, computed shapes as constants, absent ones at the end dropped.
    private Value?[] Operands(List<Value?> inputs, OpReader reader, OpSchema schema, string name)
    {
        foreach (var (index, constant) in reader.ReplacedInputs)
        {
            while (inputs.Count <= index) inputs.Add(null);
            inputs[index] = constant is null ? null : _graph.AddConstant($"{name}:in{index}", constant);
        }
        foreach (var index in schema.ShapeOperands)
            if (index < inputs.Count && inputs[index] is { Constant: null } computed && _known.Find(computed) is { } known) inputs[index] = _graph.AddConstant($"{computed.Name}:known", known);
        while (inputs.Count > 0 && inputs[^1] is null) inputs.RemoveAt(inputs.Count - 1);
        return [.. inputs];
    }
}
