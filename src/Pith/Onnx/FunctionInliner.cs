namespace Pith.Onnx;

/// <summary>
/// Replaces calls of functions that a file defines by the functions' nodes. Values inside a function get names of their own, <c>call/name</c>, so that it sees its operands only.
/// </summary>
internal sealed class FunctionInliner
{
    // A few kilobytes of functions that call each other twice would otherwise become any number of nodes.
    private const int MostNodes = 1 << 20;
    private const int DeepestNesting = 100;

    private readonly Dictionary<(string Domain, string Name, string Overload), FunctionProto> _functions = [];
    private readonly HashSet<string> _names;
    private readonly List<FileNode> _result = [];
    private readonly Stack<FunctionProto> _open = new();
    private int _calls;

    /// <summary>Creates an inliner.</summary>
    /// <param name="functions">The functions that the file defines.</param>
    /// <param name="names">The names of all values of the file's graph, which values inside functions must not take.</param>
    /// <exception cref="PithException">Two functions have one name.</exception>
    public FunctionInliner(IEnumerable<FunctionProto> functions, IEnumerable<string> names)
    {
        _names = new HashSet<string>(names, StringComparer.Ordinal);
        foreach (var function in functions)
            if (!_functions.TryAdd((OpsetImports.Domain(function.Domain), function.Name, function.Overload), function)) throw new PithException($"The file defines {Title(function)} twice.");
    }

    /// <summary>The nodes of the graph without calls; used once.</summary>
    /// <exception cref="PithException">A function calls itself, or a call does not fit its function; the message names both.</exception>
    public IReadOnlyList<FileNode> Inline(IEnumerable<NodeProto> nodes, IReadOnlyDictionary<string, int> opsets)
    {
        foreach (var node in nodes) Add(new FileNode(node, opsets));
        return _result;
    }

    private void Add(FileNode node)
    {
        if (_result.Count + _calls >= MostNodes) throw new PithException($"With its functions inlined the model has more than {MostNodes} nodes.");
        if (!_functions.TryGetValue((node.Domain, node.Proto.OpType, node.Proto.Overload), out var function))
        {
            _result.Add(node);
            return;
        }
        _calls++;
        if (_open.Contains(function)) throw new PithException($"{Title(function)} calls itself, {(_open.Peek() == function ? "directly" : "through other functions")}; Pith runs graphs without control flow.");
        if (_open.Count == DeepestNesting) throw new PithException($"Functions call each other more than {DeepestNesting} deep, the last one {Title(function)}.");
        _open.Push(function);
        Expand(node, function);
        _open.Pop();
    }

    private void Expand(FileNode call, FunctionProto function)
    {
        var (given, title) = (call.Proto, $"{call.Title} calls {Title(function)}");
        if (given.Input.Count > function.Input.Count) throw new PithException($"{title} with {given.Input.Count} operands, which has {function.Input.Count}.");
        if (given.Output.Count > function.Output.Count) throw new PithException($"{title} for {given.Output.Count} results, which has {function.Output.Count}.");
        var attributes = Attributes(given, function, title);
        var opsets = OpsetImports.Read(function.OpsetImport, Title(function), call.Opsets);
        var prefix = given.Name.Length > 0 ? given.Name : given.Output.FirstOrDefault(output => output.Length > 0) ?? function.Name;

        var names = new Dictionary<string, string>(StringComparer.Ordinal) { [""] = "" };
        for (var i = 0; i < function.Input.Count; i++) names[function.Input[i]] = i < given.Input.Count ? given.Input[i] : "";
        for (var i = 0; i < given.Output.Count; i++)
        {
            if (given.Output[i].Length == 0 || names.TryAdd(function.Output[i], given.Output[i])) continue;
            // The function returns an operand, or one result twice.
            var copy = new NodeProto { OpType = "Identity", Name = $"{prefix}/{function.Output[i]}" };
            copy.Input.Add(names[function.Output[i]]);
            copy.Output.Add(given.Output[i]);
            _result.Add(new FileNode(copy, opsets));
        }
        foreach (var node in function.Node) Add(new FileNode(Renamed(node, name => NameOf(name, prefix, names), prefix, attributes), opsets));
    }

    private string NameOf(string name, string prefix, Dictionary<string, string> names)
    {
        if (names.TryGetValue(name, out var known)) return known;
        var wanted = $"{prefix}/{name}";
        var unique = wanted;
        for (var suffix = 1; !_names.Add(unique); suffix++) unique = $"{wanted}_{suffix}";
        return names[name] = unique;
    }

    // What the call gives, and the defaults of what it does not.
    private static Dictionary<string, AttributeProto> Attributes(NodeProto call, FunctionProto function, string title)
    {
        var attributes = new Dictionary<string, AttributeProto>(StringComparer.Ordinal);
        foreach (var attribute in function.AttributeProto) attributes[attribute.Name] = attribute;
        foreach (var attribute in call.Attribute)
        {
            if (!attributes.ContainsKey(attribute.Name) && !function.Attribute.Contains(attribute.Name)) throw new PithException($"{title} with the attribute '{attribute.Name}', which it does not have.");
            attributes[attribute.Name] = attribute;
        }
        return attributes;
    }

    // Attributes are shared between the copies, which nobody changes; one that refers to an attribute that was not given is absent.
    private static NodeProto Renamed(NodeProto node, Func<string, string> name, string prefix, Dictionary<string, AttributeProto> attributes)
    {
        var copy = new NodeProto { Name = node.Name.Length > 0 ? $"{prefix}/{node.Name}" : "", OpType = node.OpType, Domain = node.Domain, Overload = node.Overload };
        copy.Input.AddRange(node.Input.Select(name));
        copy.Output.AddRange(node.Output.Select(name));
        foreach (var attribute in node.Attribute)
        {
            if (attribute.RefAttrName.Length == 0)
            {
                copy.Attribute.Add(attribute);
                continue;
            }
            if (attributes.TryGetValue(attribute.RefAttrName, out var referred)) copy.Attribute.Add(referred.Name == attribute.Name ? referred : Renamed(referred, attribute.Name));
        }
        return copy;
    }

    // Not a clone, which would copy a large tensor for each call.
    private static AttributeProto Renamed(AttributeProto attribute, string name)
    {
        var renamed = new AttributeProto { Name = name, Type = attribute.Type, T = attribute.T, G = attribute.G, SparseTensor = attribute.SparseTensor };
        if (attribute.HasF) renamed.F = attribute.F;
        if (attribute.HasI) renamed.I = attribute.I;
        if (attribute.HasS) renamed.S = attribute.S;
        renamed.Floats.AddRange(attribute.Floats);
        renamed.Ints.AddRange(attribute.Ints);
        renamed.Strings.AddRange(attribute.Strings);
        return renamed;
    }

    private static string Title(FunctionProto function) =>
        $"function '{function.Name}'{(function.Overload.Length > 0 ? $" (overload '{function.Overload}')" : "")} of domain '{(function.Domain.Length == 0 ? "ai.onnx" : function.Domain)}'";
}
