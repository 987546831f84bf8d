using Pith.Passes;

namespace Pith.Onnx;

/// <summary>Builds a <see cref="Graph"/> from a parsed model file; used once.</summary>
internal sealed class OnnxImporter
{
    private readonly GraphProto _proto;
    private readonly ModelProto _model;
    private readonly OnnxImportOptions _options;
    private readonly ExternalData _external;
    private readonly Graph _graph;
    private readonly Dictionary<string, Value> _values = new(StringComparer.Ordinal);

    public OnnxImporter(ModelProto model, OnnxImportOptions options, ExternalData external)
    {
        _model = model;
        _proto = model.Graph ?? throw new PithException("The file holds no graph, so it is not an ONNX model.");
        _options = options;
        _external = external;
        _graph = new Graph(_proto.Name.Length > 0 ? _proto.Name : "graph");
    }

    public Graph Import()
    {
        var opsets = ReadOpsets();
        ReadMetadata();
        AddInitializers();
        AddInputs();
        var nodes = new NodeImporter(_graph, _values, opsets, _model.Functions, _external);
        foreach (var node in NodeOrder.Sort(_proto.Node, _proto.Output.Select(output => output.Name), _values.ContainsKey)) nodes.Import(node);
        AddOutputs();
        // The last meaning that an old opset has and a newer one cannot say with one op.
        new ExpandFlatteningSoftmax().Apply(_graph);
        // Initializers that nobody reads, and what became an attribute.
        new RemoveDeadNodes().Apply(_graph);
        return _graph;
    }

    /// <summary>The declared inputs that are not initializers, in order, without importing a node.</summary>
    public IReadOnlyList<(string Name, TensorType Type)> ReadInputs()
    {
        var types = new InputTypeReader(_proto.Input);
        var initializers = _proto.Initializer.Select(initializer => initializer.Name).ToHashSet(StringComparer.Ordinal);
        return [.. _proto.Input.Where(input => !initializers.Contains(input.Name)).Select(input => (input.Name, Sized(types.Read(input))))];
    }

    private Dictionary<string, int> ReadOpsets()
    {
        var opsets = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var import in _model.OpsetImport)
            opsets[import.Domain == "ai.onnx" ? OpSchema.OnnxDomain : import.Domain] = (int)Math.Clamp(import.Version, int.MinValue, int.MaxValue);
        if (!opsets.TryGetValue(OpSchema.OnnxDomain, out var opset))
            throw new PithException("The file does not say which ONNX opset it uses (opset_import without the domain ai.onnx).");
        if (opset is < 1 or > Opsets.Newest)
            throw new PithException($"The model uses ONNX opset {opset}; Pith reads {Opsets.OldestRead} to {Opsets.Newest}. Convert it (onnx.version_converter) or export it again with one of these.");
        return opsets;
    }

    private void ReadMetadata()
    {
        foreach (var entry in _model.MetadataProps) _graph.Metadata[entry.Key] = entry.Value;
        if (_model.DocString.Length > 0) _graph.Metadata[OnnxMetadata.ModelDoc] = _model.DocString;
        if (_proto.DocString.Length > 0) _graph.Metadata[OnnxMetadata.GraphDoc] = _proto.DocString;
    }

    private void AddInitializers()
    {
        if (_proto.SparseInitializer.Count > 0)
            throw new PithException($"Initializer '{_proto.SparseInitializer[0].Values?.Name}' is stored as a sparse tensor. Export the model with dense initializers; Pith finds their zeros itself.");
        foreach (var initializer in _proto.Initializer)
        {
            if (initializer.Name.Length == 0) throw new PithException("An initializer has no name.");
            if (_values.ContainsKey(initializer.Name)) throw new PithException($"There are two initializers called '{initializer.Name}'.");
            _values[initializer.Name] = _graph.AddConstant(initializer.Name, TensorReader.Read(initializer, initializer.Name, _external));
        }
    }

    private void AddInputs()
    {
        var types = new InputTypeReader(_proto.Input);
        // Files before IR version 4 list initializers among the inputs too; they are constants all the same.
        var initializers = _values.Keys.ToHashSet(StringComparer.Ordinal);
        foreach (var input in _proto.Input)
        {
            if (initializers.Contains(input.Name)) continue;
            if (input.Name.Length == 0) throw new PithException("An input of the graph has no name.");
            if (_values.ContainsKey(input.Name)) throw new PithException($"There are two inputs called '{input.Name}'.");
            var type = Sized(types.Read(input));
            _values[input.Name] = _options.BoundInputs.TryGetValue(input.Name, out var bound) ? Bind(input.Name, type, bound) : _graph.AddInput(input.Name, type);
        }
        foreach (var name in _options.BoundInputs.Keys)
            if (initializers.Contains(name) || !_values.ContainsKey(name)) throw new PithException($"The graph has no input '{name}' to bind; it has {string.Join(", ", _proto.Input.Select(input => $"'{input.Name}'"))}.");
    }

    private TensorType Sized(TensorType type) => type.With(type.Dims.Select(dim => dim.IsFixed || !_options.Sizes.TryGetValue(dim.ToString(), out var size) ? dim : Dim.Of(size)).ToValueList());

    private Value Bind(string name, TensorType declared, Tensor tensor) =>
        declared.Accepts(TensorType.Of(tensor)) ? _graph.AddConstant(name, tensor) : throw new PithException($"Input '{name}' is declared {declared} and cannot be bound to {tensor}.");

    private void AddOutputs()
    {
        if (_proto.Output.Count == 0) throw new PithException("The graph has no output, so nothing would be computed.");
        foreach (var output in _proto.Output)
        {
            if (!_values.TryGetValue(output.Name, out var value)) throw new PithException($"No node, input or initializer provides the graph's output '{output.Name}'.");
            _graph.AddOutput(value);
        }
    }
}
