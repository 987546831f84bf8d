using Pith.Passes;

namespace Pith.Onnx;

/// <summary>Builds a <see cref="Graph"/> from a parsed model file; used once.</summary>
internal sealed class OnnxImporter
{
    private readonly GraphProto _proto;
    private readonly ModelProto _model;
    private readonly OnnxImportOptions _options;
    private readonly TensorReader _tensors;
    private readonly Graph _graph;
    private readonly Dictionary<string, Value> _values = new(StringComparer.Ordinal);

    public OnnxImporter(ModelProto model, OnnxImportOptions options, ExternalData external)
    {
        _model = model;
        _proto = model.Graph ?? throw new PithException("The file holds no graph, so it is not an ONNX model.");
        _options = options;
        _tensors = new TensorReader(external);
        _graph = new Graph(_proto.Name.Length > 0 ? _proto.Name : "graph");
    }

    public Graph Import()
    {
        var opsets = OpsetImports.Read(_model.OpsetImport, "The model");
        ReadMetadata();
        AddInitializers();
        AddInputs();
        var inlined = new FunctionInliner(_model.Functions, _values.Keys.Concat(_proto.Node.SelectMany(node => node.Output))).Inline(_proto.Node, opsets);
        var nodes = new NodeImporter(_graph, _values, _tensors);
        foreach (var node in NodeOrder.Sort(inlined, _proto.Output.Select(output => output.Name), _values.ContainsKey)) nodes.Import(node);
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
        var initializers = _proto.Initializer.Select(initializer => initializer.Name).Concat(_proto.SparseInitializer.Select(initializer => initializer.Values?.Name ?? "")).ToHashSet(StringComparer.Ordinal);
        return [.. _proto.Input.Where(input => !initializers.Contains(input.Name)).Select(input => (input.Name, Sized(types.Read(input))))];
    }

    private void ReadMetadata()
    {
        foreach (var entry in _model.MetadataProps) _graph.Metadata[entry.Key] = entry.Value;
        if (_model.DocString.Length > 0) _graph.Metadata[OnnxMetadata.ModelDoc] = _model.DocString;
        if (_proto.DocString.Length > 0) _graph.Metadata[OnnxMetadata.GraphDoc] = _proto.DocString;
    }

    private void AddInitializers()
    {
        foreach (var initializer in _proto.Initializer) AddInitializer(initializer.Name, () => _tensors.Read(initializer, initializer.Name));
        foreach (var initializer in _proto.SparseInitializer) AddInitializer(initializer.Values?.Name ?? "", () => SparseTensorReader.Read(initializer, initializer.Values!.Name, _tensors));
    }

    private void AddInitializer(string name, Func<Tensor> read)
    {
        if (name.Length == 0) throw new PithException("An initializer has no name.");
        if (_values.ContainsKey(name)) throw new PithException($"There are two initializers called '{name}'.");
        _values[name] = _graph.AddConstant(name, read());
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

    private TensorType Sized(TensorType type) => type.With(type.Dims.Select(dim => dim.Bind(symbol => _options.Sizes.TryGetValue(symbol, out var size) ? size : null)).ToValueList());

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
