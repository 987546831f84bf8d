namespace Pith.Onnx;

/// <summary>Adds a file's nodes to a graph, one after the other in dependency order.</summary>
internal sealed class NodeImporter
{
    private readonly Graph _graph;
    private readonly Dictionary<string, Value> _values;
    private readonly TensorReader _tensors;
    private readonly KnownValues _known = new();

    /// <summary>Creates an importer.</summary>
    /// <param name="graph">Where the nodes go.</param>
    /// <param name="values">The values by their names in the file; outputs are added.</param>
    /// <param name="tensors">Reads tensor attributes.</param>
    public NodeImporter(Graph graph, Dictionary<string, Value> values, TensorReader tensors)
    {
        _graph = graph;
        _values = values;
        _tensors = tensors;
    }

    /// <summary>Adds <paramref name="file"/>'s node, or the constant or the nodes that it stands for.</summary>
    /// <exception cref="PithException">The op is not supported, or attributes or operands do not fit; the message names node, op and opset.</exception>
    public void Import(FileNode file)
    {
        var (proto, domain, opset) = (file.Proto, file.Domain, file.Opset);
        var name = proto.Name.Length > 0 ? proto.Name : proto.Output.FirstOrDefault(output => output.Length > 0) ?? proto.OpType;
        PithException Error(string problem) => new($"{proto.OpType} '{name}' (opset {opset}): {problem}.");
        try
        {
            if (domain == OpSchema.OnnxDomain && proto.OpType == "Constant")
            {
                AddConstant(proto, Error);
                return;
            }
            if (CompositeCatalog.Find(domain, proto.OpType) is { } composite && AddComposite(proto, composite, name, opset, Error)) return;
            if (CompositeCatalog.IsOnnxOp(domain, proto.OpType)) (domain, opset) = (OpSchema.OnnxDomain, Opsets.Newest);
            var schema = OpCatalog.Find(domain, proto.OpType) ?? throw UnsupportedOp.Explain(proto, name, opset);
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
        var attributes = AttributeReader.Read(proto, _tensors, error);
        if (attributes.Count != 1) throw error($"a Constant has exactly one value, this one has {attributes.Count}");
        var (key, value) = attributes.Single();
        Tensor tensor = (key, value) switch
        {
            ("value", Tensor given) => given,
            ("sparse_value", Tensor given) => given,
            ("value_float", float given) => Tensor.Scalar(given),
            ("value_floats", float[] given) => Tensor.Vector<float>(given),
            ("value_int", long given) => Tensor.Scalar(given),
            ("value_ints", long[] given) => Tensor.Vector<long>(given),
            _ => throw error($"a Constant given as '{key}' is not supported; it must be value, sparse_value, value_float(s) or value_int(s)"),
        };
        _values[proto.Output[0]] = _graph.AddConstant(proto.Output[0], tensor);
    }

    private void AddNode(NodeProto proto, OpSchema schema, string name, int opset, Func<string, PithException> error)
    {
        var inputs = Inputs(proto);
        var outputNames = OutputNames(proto);
        var reader = Reader(proto, inputs, outputNames.Length, name, opset, error);
        var op = schema.Read(reader);
        RequireAllRead(reader);

        var operands = Operands(inputs, reader, schema, name);
        var node = _graph.AddNode(op, operands, name, outputNames);
        for (var i = 0; i < outputNames.Length; i++)
            if (outputNames[i].Length > 0) _values[outputNames[i]] = node.Outputs[i];
        _known.Learn(node);
    }

    // False when the op is better kept as it is.
    private bool AddComposite(NodeProto proto, CompositeOp composite, string name, int opset, Func<string, PithException> error)
    {
        var inputs = Inputs(proto);
        var outputNames = OutputNames(proto);
        var reader = Reader(proto, inputs, outputNames.Length, name, opset, error);
        if (!composite.Applies(reader)) return false;
        var context = new CompositeContext(_graph, reader, inputs);
        context.CheckCounts(composite);
        var results = composite.Expand(context);
        RequireAllRead(reader);
        foreach (var node in context.Nodes) _known.Learn(node);
        for (var i = 0; i < outputNames.Length; i++)
        {
            if (outputNames[i].Length == 0) continue;
            if (_graph.Find(outputNames[i]) is null) _graph.Rename(results[i], outputNames[i]);
            _values[outputNames[i]] = results[i];
        }
        return true;
    }

    private List<Value?> Inputs(NodeProto proto) => proto.Input.Select(input => input.Length == 0 ? null : _values[input]).ToList();

    private static string[] OutputNames(NodeProto proto) => proto.Output.Reverse().SkipWhile(output => output.Length == 0).Reverse().ToArray();

    private OpReader Reader(NodeProto proto, List<Value?> inputs, int outputCount, string name, int opset, Func<string, PithException> error) => new(
        proto.OpType, name, opset, AttributeReader.Read(proto, _tensors, error), inputs.Select(input => input is null ? null : _known.Find(input)), outputCount, [.. inputs.Select(input => input?.Type)]);

    private static void RequireAllRead(OpReader reader)
    {
        if (reader.Unread.FirstOrDefault() is { } unread) throw reader.Error($"attribute '{unread}' is not known to Pith");
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
