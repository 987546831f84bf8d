namespace Pith.Onnx;

/// <summary>Builds the file form of a <see cref="Graph"/>; used once. The same graph gives the same bytes.</summary>
internal sealed class OnnxExporter
{
    // Names, shapes and attributes take the rest of what one protobuf message can hold.
    private const long MostConstantBytes = int.MaxValue - (64L << 20);

    private readonly Graph _graph;
    private readonly int _opset;
    private readonly GraphProto _proto;
    private readonly HashSet<string> _names;
    private readonly ConstantsApart? _apart;

    /// <param name="graph">The graph.</param>
    /// <param name="opset">0 for the default.</param>
    /// <param name="apart">Takes the large constants; null to write them into the model.</param>
    public OnnxExporter(Graph graph, int opset, ConstantsApart? apart = null)
    {
        _graph = graph;
        _apart = apart;
        _opset = ChooseOpset(graph, opset);
        _proto = new GraphProto { Name = graph.Name, DocString = graph.Metadata.GetValueOrDefault(OnnxMetadata.GraphDoc, "") };
        _names = graph.Values.Select(value => value.Name).ToHashSet(StringComparer.Ordinal);
    }

    public ModelProto Export()
    {
        if (_graph.Outputs.Count == 0) throw new PithException($"Graph '{_graph.Name}' has no output, so there is nothing to export.");
        if (_apart is null) RequireOneFile();
        _proto.Input.AddRange(_graph.Inputs.Select(Describe));
        _proto.Output.AddRange(_graph.Outputs.Select(Describe));
        AddConstants();
        foreach (var node in _graph.Nodes) _proto.Node.Add(Write(node));

        var model = new ModelProto
        {
            IrVersion = Opsets.IrVersion(_opset),
            ProducerName = "pith",
            DocString = _graph.Metadata.GetValueOrDefault(OnnxMetadata.ModelDoc, ""),
            Graph = _proto,
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = _opset });
        foreach (var (key, text) in _graph.Metadata)
            if (key is not (OnnxMetadata.ModelDoc or OnnxMetadata.GraphDoc)) model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = text });
        return model;
    }

    // The opset asked for; or else the default, raised until every node can be written.
    private static int ChooseOpset(Graph graph, int wanted)
    {
        if (wanted != 0 && wanted is < Opsets.OldestWritten or > Opsets.Newest)
            throw new PithException($"Pith writes ONNX opsets {Opsets.OldestWritten} to {Opsets.Newest}, not {wanted}.");
        var opset = wanted == 0 ? Opsets.DefaultWritten : wanted;
        foreach (var node in graph.Nodes)
            while (WhyNot(node, opset) is { } reason)
                opset = wanted == 0 && opset < Opsets.Newest ? opset + 1 : throw reason;
        return opset;
    }

    private static PithException? WhyNot(Node node, int opset)
    {
        var schema = node.Op.Schema;
        if (schema.Domain != OpSchema.OnnxDomain)
            return new PithException($"{schema.Name} '{node.Name}' exists in Pith only (domain {schema.Domain}: training and gradients), so the graph cannot be saved as ONNX. Save the inference graph.");
        if (schema.SinceVersion > opset) return new PithException($"{schema.Name} '{node.Name}' exists since opset {schema.SinceVersion}; opset {opset} was asked for.");
        try
        {
            node.Op.Write(WriterFor(node, opset));
            return null;
        }
        catch (PithException unwritable)
        {
            return new PithException($"Node '{node.Name}' cannot be written: {unwritable.Message}", unwritable);
        }
    }

    private static OpWriter WriterFor(Node node, int opset) => new(opset, [.. node.Inputs.Select(input => input?.Type)]);

    private void RequireOneFile()
    {
        var bytes = _graph.Constants.Sum(constant => (long)constant.Constant!.Length * constant.Type.DataType.SizeInBytes());
        if (bytes > MostConstantBytes) throw new PithException($"The weights of graph '{_graph.Name}' take {bytes} bytes; an ONNX file holds {MostConstantBytes} of weights.");
    }

    // In the order in which the nodes read them, so that the bytes do not depend on the graph's history. What nobody reads is left out.
    private void AddConstants()
    {
        var written = new HashSet<Value>(ReferenceEqualityComparer.Instance);
        foreach (var value in _graph.Nodes.SelectMany(node => node.Inputs).Concat(_graph.Outputs))
            if (value?.Constant is { } tensor && written.Add(value)) _proto.Initializer.Add(_apart?.Write(tensor, value.Name) ?? TensorWriter.Write(tensor, value.Name));
    }

    private NodeProto Write(Node node)
    {
        var writer = WriterFor(node, _opset);
        node.Op.Write(writer);
        var inputs = node.Inputs.Select(input => input?.Name ?? "").ToList();
        foreach (var (index, tensor) in writer.ExtraInputs)
        {
            while (inputs.Count <= index) inputs.Add("");
            if (inputs[index].Length > 0) throw new InvalidOperationException($"{node.Op.Schema.Name} writes operand {index}, which '{node.Name}' has already.");
            inputs[index] = UniqueName($"{node.Name}:in{index}");
            _proto.Initializer.Add(TensorWriter.Write(tensor, inputs[index]));
        }
        while (inputs.Count > 0 && inputs[^1].Length == 0) inputs.RemoveAt(inputs.Count - 1);

        var proto = new NodeProto { Name = node.Name, OpType = node.Op.Schema.Name };
        proto.Input.AddRange(inputs);
        proto.Output.AddRange(node.Outputs.Select(output => output.Name));
        proto.Attribute.AddRange(AttributeWriter.Write(writer.Attributes));
        return proto;
    }

    private string UniqueName(string wanted)
    {
        var name = wanted;
        for (var suffix = 1; !_names.Add(name); suffix++) name = $"{wanted}_{suffix}";
        return name;
    }

    private static ValueInfoProto Describe(Value value)
    {
        var shape = new TensorShapeProto();
        foreach (var dim in value.Type.Dims)
            shape.Dim.Add(dim.IsFixed ? new TensorShapeProto.Types.Dimension { DimValue = dim.Size } : new TensorShapeProto.Types.Dimension { DimParam = DimText.Write(dim) });
        return new ValueInfoProto { Name = value.Name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)value.Type.DataType, Shape = shape } } };
    }
}
