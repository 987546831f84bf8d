using System.CommandLine;
using System.Globalization;
using Pith.Passes;

namespace Pith.Cli.Verbs;

/// <summary>One kind of edit of <c>pith surgeon</c>.</summary>
/// <param name="Options">The options that ask for it.</param>
/// <param name="Apply">The edited graph, perhaps the same one, and what was done in one line; null when it was not asked for.</param>
internal sealed record SurgeonEdit(IReadOnlyList<Option> Options, Func<Graph, ParseResult, (Graph Graph, string Done)?> Apply);

/// <summary>The one list of edits, with the options of one command line. Edits are made in the order of this list, not of the options; renaming comes last, so that all other options use the names of the file.</summary>
internal sealed class SurgeonEdits
{
    private readonly Option<string[]> _inputShape = Texts("--input-shape", "NAME=SHAPE", "Give an input another shape, e.g. images=N,3,224,224: numbers, or names of sizes that stay open. What follows is inferred anew.");
    private readonly Option<string[]> _from = Texts("--from", "tensor", "Cut the network here: the tensor becomes an input.");
    private readonly Option<string[]> _to = Texts("--to", "tensor", "Cut the network here: the tensor becomes an output, in place of the network's own.");
    private readonly Option<bool> _strip = new("--strip-qdq") { Description = "Remove Q/DQ pairs; integer weights become the floats that they stand for." };
    private readonly Option<bool> _float32 = new("--to-float32") { Description = "Turn half and double precision into float32: weights, inputs and outputs." };
    private readonly Option<string[]> _insert = Texts("--insert-qdq", "TENSOR[=SCALE]", "Put a symmetric int8 Q/DQ pair after a tensor. The scale may be left out for weights, which get one per output channel from their largest magnitude. (pith quantize places and calibrates all pairs.)");
    private readonly Option<bool> _fold = new("--fold-constants") { Description = "Compute now what depends on constants only; Q/DQ of weights stay." };
    private readonly Option<bool> _simplify = new("--simplify") { Description = "All that an engine does to a graph that can be saved again: constants and batch norms folded, reshapes and transposes merged, identities removed." };
    private readonly Option<bool> _unused = new("--drop-unused") { Description = "Remove inputs that nothing reads. (Nodes and constants that nothing reads go in any case.)" };
    private readonly Option<string[]> _rename = Texts("--rename", "OLD=NEW", "Rename a tensor: an input, an output, a constant or what a node computes.");
    private readonly Option<string[]> _renameNode = Texts("--rename-node", "OLD=NEW", "Rename a node.");

    public IReadOnlyList<SurgeonEdit> All =>
    [
        new([_inputShape], (graph, arguments) => Given(arguments, _inputShape) is { } shapes ? (InputShapes.Set(graph, Shapes(shapes)), $"input shapes: {string.Join(", ", shapes)}") : null),
        new([_from, _to], Extract),
        new([_strip], (graph, arguments) => arguments.GetValue(_strip) ? (QdqRemoval.Of(graph), $"removed {Count(graph, "QuantizeLinear")} QuantizeLinear and {Count(graph, "DequantizeLinear")} DequantizeLinear") : null),
        new([_float32], (graph, arguments) => arguments.GetValue(_float32) ? (Float32Form.Of(graph), Float32Form.IsNeeded(graph) ? "half and double precision turned into float32" : "nothing was in half or double precision") : null),
        new([_insert], (graph, arguments) => Given(arguments, _insert) is { } pairs ? (Insert(graph, pairs), $"{pairs.Length} Q/DQ {(pairs.Length == 1 ? "pair" : "pairs")} inserted") : null), // after --strip-qdq, which would take them out again
        new([_fold], (graph, arguments) => arguments.GetValue(_fold) ? Passes(graph, [new ConstantFolding(), new RemoveDeadNodes()], "constants folded") : null), // after shapes are set: then more is constant
        new([_simplify], (graph, arguments) => arguments.GetValue(_simplify) ? Passes(graph, Pipelines.Simplify, "simplified") : null),
        new([_unused], (graph, arguments) => arguments.GetValue(_unused) ? DropUnused(graph) : null), // after all that may leave something unread
        new([_rename], (graph, arguments) => Given(arguments, _rename) is { } names ? Rename(graph, names) : null),
        new([_renameNode], (graph, arguments) => Given(arguments, _renameNode) is { } names ? RenameNodes(graph, names) : null),
    ];

    /// <summary>Lets the metadata name layers and tensors as the edited graph does.</summary>
    public void UpdateMetadata(Graph graph, ParseResult arguments) => RecordedNames.Follow(graph, Pairs(_renameNode, arguments.GetValue(_renameNode)), Pairs(_rename, arguments.GetValue(_rename)));

    private (Graph, string)? Extract(Graph graph, ParseResult arguments)
    {
        var (from, to) = (Given(arguments, _from) ?? [], Given(arguments, _to) ?? []);
        if (from.Length + to.Length == 0) return null;
        var part = Subgraph.Extract(graph, from, to);
        RecordedNames.KeepOf(graph, part);
        return (part, string.Create(CultureInfo.InvariantCulture, $"kept {part.Nodes.Count} of {graph.Nodes.Count} nodes, from {Names(part.Inputs)} to {Names(part.Outputs)}"));

        static string Names(IEnumerable<Value> values) => string.Join(", ", values.Select(value => $"'{value.Name}'"));
    }

    private static Graph Insert(Graph graph, string[] pairs)
    {
        graph = graph.Clone();
        foreach (var pair in pairs)
        {
            // The whole text may be a name that holds an equals sign.
            var (name, scale) = graph.Find(pair) is not null ? (pair, null) : Split("--insert-qdq", pair, optional: true);
            var value = graph.Find(name) ?? throw new PithException($"Graph '{graph.Name}' has no tensor '{name}' for --insert-qdq.");
            if (value.Type.DataType != DataType.Float32) throw new PithException($"'{name}' is {value.Type}; a Q/DQ pair is for float32.");
            var uses = value.Uses.ToArray();
            var returned = value.IsGraphOutput;
            var dequantized = QdqPair.Insert(graph, value, scale is null ? WeightParameters(graph, value) : QuantizationParameters.FromScale(Scale(pair, scale)));
            foreach (var use in uses) graph.ReplaceInput(use.Node, use.Index, dequantized);
            if (returned) graph.ReplaceAllUses(value, dequantized, except: dequantized.Producer!.Inputs[0]!.Producer);
        }
        return graph;
    }

    private static QuantizationParameters WeightParameters(Graph graph, Value value)
    {
        var weight = graph.Nodes.Select(WeightOperand.Of).FirstOrDefault(weight => ReferenceEquals(weight?.Constant, value))
            ?? throw new PithException($"'{value.Name}' is not the weight of a layer, so its scale cannot be left out: --insert-qdq {value.Name}=SCALE. pith quantize finds scales by calibration.");
        if (!ReferenceEquals(weight.Node.Inputs[weight.Index], value) || weight.OutputAxis is not { } axis) throw new PithException($"Other ops lie between '{value.Name}' and {weight.Node.Op.Schema.Name} '{weight.Node.Name}'; give its scale: --insert-qdq {value.Name}=SCALE.");
        return QuantizationParameters.Symmetric(QuantizationParameters.MaxAbs(((Tensor<float>)value.Constant!).Span, value.Constant!.Shape, new Granularity.PerAxis(axis)), axis, exactScale: true);
    }

    private static float Scale(string pair, string text) => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var scale) && float.IsFinite(scale) && scale > 0 ? scale
        : throw new UsageException($"--insert-qdq {pair}: the scale must be a number above 0, got '{text}'.");

    private static (Graph, string) Passes(Graph graph, IReadOnlyList<Pass> passes, string done)
    {
        var copy = graph.Clone();
        PassRunner.RunToFixpoint(copy, passes);
        return (copy, string.Create(CultureInfo.InvariantCulture, $"{done}: {graph.Nodes.Count} nodes became {copy.Nodes.Count}"));
    }

    private static (Graph, string) DropUnused(Graph graph)
    {
        var copy = graph.Clone();
        new RemoveDeadNodes().Apply(copy);
        var unused = copy.Inputs.Where(input => input.Uses.Count == 0 && !input.IsGraphOutput).ToArray();
        foreach (var input in unused) copy.Remove(input);
        return (copy, unused.Length == 0 ? "every input is read" : $"removed the inputs {string.Join(", ", unused.Select(input => $"'{input.Name}'"))}");
    }

    // All at once, so that names can be swapped.
    private (Graph, string) Rename(Graph graph, string[] names)
    {
        graph = graph.Clone();
        var renamed = Pairs(_rename, names).Select(pair => (Value: graph.Find(pair.Key) ?? throw new PithException($"Graph '{graph.Name}' has no tensor '{pair.Key}' to rename."), New: pair.Value)).ToArray();
        for (var i = 0; i < renamed.Length; i++) graph.Rename(renamed[i].Value, $"\u0001{i}");
        foreach (var (value, name) in renamed) graph.Rename(value, name);
        return (graph, $"renamed {string.Join(", ", names)}");
    }

    private (Graph, string) RenameNodes(Graph graph, string[] names)
    {
        graph = graph.Clone();
        var renamed = Pairs(_renameNode, names).Select(pair => (Node: graph.Nodes.FirstOrDefault(node => node.Name == pair.Key) ?? throw new PithException($"Graph '{graph.Name}' has no node '{pair.Key}' to rename."), New: pair.Value)).ToArray();
        for (var i = 0; i < renamed.Length; i++) graph.Rename(renamed[i].Node, $"\u0001{i}");
        foreach (var (node, name) in renamed) graph.Rename(node, name);
        return (graph, $"renamed nodes {string.Join(", ", names)}");
    }

    private static Dictionary<string, string> Pairs(Option<string[]> option, string[]? names)
    {
        var byName = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in names ?? [])
        {
            var (old, name) = Split(option.Name, pair);
            if (!byName.TryAdd(old, name!)) throw new UsageException($"{option.Name} gives '{old}' two names.");
        }
        return byName;
    }

    private static Dictionary<string, ValueList<Dim>> Shapes(string[] shapes)
    {
        var byName = new Dictionary<string, ValueList<Dim>>(StringComparer.Ordinal);
        foreach (var shape in shapes)
        {
            var (name, text) = Split("--input-shape", shape);
            if (!byName.TryAdd(name, text!.Split(',').Select(size => Size(shape, size)).ToValueList())) throw new UsageException($"--input-shape gives '{name}' two shapes.");
        }
        return byName;
    }

    private static Dim Size(string shape, string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var size)) return size;
        return text.Length > 0 && (char.IsLetter(text[0]) || text[0] == '_') && text.All(c => char.IsLetterOrDigit(c) || c is '_' or '-' or '.') ? Dim.Named(text)
            : throw new UsageException($"--input-shape {shape}: a size is a number of 0 or more, or a name such as N; got '{text}'.");
    }

    private static (string Name, string? Text) Split(string option, string text, bool optional = false)
    {
        var at = text.LastIndexOf('=');
        if (at > 0 && at + 1 < text.Length) return (text[..at], text[(at + 1)..]);
        return optional && at < 0 ? (text, null) : throw new UsageException($"{option} must be NAME=VALUE, got '{text}'.");
    }

    private static string[]? Given(ParseResult arguments, Option<string[]> option) => arguments.GetValue(option) is { Length: > 0 } texts ? texts : null;

    private static int Count(Graph graph, string op) => graph.Nodes.Count(node => node.Op.Schema.Name == op);

    private static Option<string[]> Texts(string name, string help, string description) => new(name) { Description = description + " May be given several times.", HelpName = help };
}
