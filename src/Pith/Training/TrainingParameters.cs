using Pith.Ops;

namespace Pith.Training;

/// <summary>What a trained constant is to the op that reads it; optimisers treat kinds differently (weight decay is for weights, see the optimiser's settings).</summary>
public enum ParameterKind
{
    /// <summary>The weight of a convolution or matrix product.</summary>
    Weight,
    /// <summary>A bias that is added.</summary>
    Bias,
    /// <summary>The factor of a normalization.</summary>
    NormScale,
    /// <summary>The bias of a normalization.</summary>
    NormBias,
    /// <summary>What activations are multiplied with: a LayerScale, the slopes of a PRelu.</summary>
    Factor,
    /// <summary>What is added to or placed beside activations: a position table, a class token, an embedding.</summary>
    Table,
    /// <summary>The scale of a quantization.</summary>
    Scale,
}

/// <summary>A float constant that the output depends on and that training leaves as it is.</summary>
/// <param name="Name">Its name in the inference graph.</param>
/// <param name="Why">The reason, for people.</param>
public sealed record UntrainedConstant(string Name, string Why);

/// <summary>
/// Finds the constants of an inference graph that training changes: every float constant that meets the data of the network in an op that learns, directly or through ops that compute something from constants only
/// (Transpose, Reshape, Cast, Expand …). Weights, biases, scales of normalizations, slopes and embeddings always; other operands of Add, Sub, Sum, Mul and Concat unless they are a single number, stand before the first layer (preprocessing)
/// or look like a mask.
/// </summary>
internal sealed class TrainingParameters
{
    private const float LeastOfMask = 1e4f;

    // What comes before the first layer, and everything that depends on the image but not on a layer, is preprocessing.
    private readonly HashSet<Value> _data = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Value> _learned = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Value, IReadOnlyList<Value>> _origins = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Value, ParameterKind> _kinds = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Value, string> _reasons = new(ReferenceEqualityComparer.Instance);
    private readonly List<Value> _order = [];

    private TrainingParameters(Graph graph, IReadOnlyList<Node> nodes)
    {
        _data.UnionWith(graph.Inputs);
        foreach (var node in nodes) Visit(node);
        Trained = [.. _order.Where(_kinds.ContainsKey).Select(constant => (constant, _kinds[constant]))];
        var reached = nodes.ToHashSet<Node>(ReferenceEqualityComparer.Instance);
        var unreached = graph.Constants.Where(constant => IsParameter(constant) && constant.Uses.Count > 0 && constant.Uses.All(use => !reached.Contains(use.Node)));
        Untrained =
        [
            .. _order.Where(constant => !_kinds.ContainsKey(constant)).Select(constant => new UntrainedConstant(constant.Name, _reasons[constant])),
            .. unreached.Select(constant => new UntrainedConstant(constant.Name, "the first output does not depend on it")),
        ];
    }

    /// <summary>Every constant that is trained, once, in the order of its first reader.</summary>
    public IReadOnlyList<(Value Constant, ParameterKind Kind)> Trained { get; }

    /// <summary>The other constants that are of the same kind as what is trained.</summary>
    public IReadOnlyList<UntrainedConstant> Untrained { get; }

    /// <summary>Looks through <paramref name="nodes"/>, those of <paramref name="graph"/> that its logits depend on, in execution order.</summary>
    public static TrainingParameters Find(Graph graph, IReadOnlyList<Node> nodes) => new(graph, nodes);

    private void Visit(Node node)
    {
        // A shape is not data: a class token that is expanded to the batch stays a constant.
        if (node.Op is not (ShapeOf or Size) && node.Inputs.Any(input => input is not null && _data.Contains(input)))
        {
            var learns = node.Inputs.Any(input => input is not null && _learned.Contains(input));
            for (var operand = 0; operand < node.Inputs.Count; operand++)
            {
                if (node.Inputs[operand] is not { } input || _data.Contains(input)) continue;
                foreach (var constant in OriginsOf(input)) learns |= Note(constant, RoleOf(node, operand, constant, learns));
            }
            _data.UnionWith(node.Outputs);
            if (learns) _learned.UnionWith(node.Outputs);
            return;
        }
        var origins = node.Inputs.Where((input, operand) => input is not null && !IsSetting(node.Op, operand)).SelectMany(input => OriginsOf(input!)).Distinct().ToArray();
        // What a weight is computed with, an epsilon or a factor, is not a parameter.
        if (origins.Any(constant => !IsSingle(constant))) origins = [.. origins.Where(constant => !IsSingle(constant))];
        foreach (var output in node.Outputs) _origins[output] = origins;
    }

    /// <summary>The float constants that a value which does not depend on the network's input is computed from.</summary>
    private IReadOnlyList<Value> OriginsOf(Value value) => value.Constant is null ? _origins.GetValueOrDefault(value) ?? [] : value.Type.DataType.IsFloat() ? [value] : [];

    /// <returns>Whether the constant is trained in this role; its first one decides the kind.</returns>
    private bool Note(Value constant, Role role)
    {
        if (role is { Kind: null, WhyNot: null }) return false;
        if (role.Kind is not null && constant.Type.DataType != DataType.Float32) role = new(null, $"it is {constant.Type.DataType.ShortName()}, and training works on f32");
        if (!_kinds.ContainsKey(constant) && !_reasons.ContainsKey(constant)) _order.Add(constant);
        if (role.Kind is { } kind) _kinds.TryAdd(constant, kind);
        else _reasons.TryAdd(constant, role.WhyNot!);
        return role.Kind is not null;
    }

    private Role RoleOf(Node node, int operand, Value constant, bool learns) => (node.Op, operand) switch
    {
        (Conv or ConvTranspose, 1) => new(ParameterKind.Weight),
        (Conv or ConvTranspose, 2) => new(ParameterKind.Bias),
        (Gemm, 0 or 1) or (MatMul, _) => new(ParameterKind.Weight),
        (Gemm, 2) => new(ParameterKind.Bias),
        (BatchNormalization or LayerNormalization or InstanceNormalization, 1) => new(ParameterKind.NormScale),
        (BatchNormalization or LayerNormalization or InstanceNormalization, 2) => new(ParameterKind.NormBias),
        (PRelu, 1) => new(ParameterKind.Factor),
        (Gather, 0) => new(ParameterKind.Table),
        (Add or Sum or Sub, _) when IsAddedToLayer(node, operand) => new(ParameterKind.Bias),
        (Add or Sum or Sub or Mul or Concat, _) => ElementwiseRole(node.Op, constant, learns),
        (Div or Pow or Max or Min or Where, _) when !IsSingle(constant) => new(null, $"it is operand {operand} of {node.Op.Schema.Name}"),
        _ => default,
    };

    private static Role ElementwiseRole(Op op, Value constant, bool learns)
    {
        if (IsSingle(constant)) return new(null, "it is a single number");
        if (!learns) return new(null, "it stands before the first layer (preprocessing)");
        if (constant.Constant is Tensor<float> tensor && IsMask(op, tensor)) return new(null, "it looks like a mask");
        return new(op is Mul ? ParameterKind.Factor : ParameterKind.Table);
    }

    private bool IsAddedToLayer(Node node, int operand) =>
        node.Inputs.Count == 2 && node.Input(1 - operand) is { Producer: { Op: Conv or ConvTranspose or Gemm or MatMul } layer } && layer.Inputs.Any(input => input is not null && OriginsOf(input).Count > 0);

    private static bool IsSingle(Value value) => value.Type.Dims.All(dim => dim == 1);

    /// <summary>What attention adds to hide positions, zeros and one large negative number, or what multiplies by zeros and ones.</summary>
    private static bool IsMask(Op op, Tensor<float> constant)
    {
        var values = constant.Data.Distinct().Take(3).Order().ToArray();
        if (op is Mul) return values is [0, 1];
        return constant.Data.Any(value => !float.IsFinite(value) || MathF.Abs(value) >= LeastOfMask) || values is [<= -50, 0];
    }

    /// <summary>An operand that says how an op works: scales and zero points, sizes, bounds.</summary>
    private static bool IsSetting(Op op, int operand) => operand > 0 && op is QuantizeLinear or DequantizeLinear or Clip or Pad or Resize or Expand or Tile or Reshape or Slice or Gather or CastLike or Dropout;

    private static bool IsParameter(Value constant) => constant.Type.DataType.IsFloat() && !IsSingle(constant);

    private readonly record struct Role(ParameterKind? Kind, string? WhyNot = null);
}
