namespace Pith.Compression.Sparsity;

/// <summary>
/// Channels that can only be changed everywhere at once, put in another order or multiplied by a factor each: those of a layer's result, of every value that they flow into or are combined with, and of all weights, biases and
/// factors on the way, up to the layers that sum over them. The network computes the same as before, except for the rounding of sums.
/// </summary>
internal sealed class ChannelClass
{
    private readonly Dictionary<Value, List<ChannelSegment>> _values = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Use, List<ChannelSegment>> _constants = [];
    private readonly Queue<(Value Value, ChannelSegment Segment)> _pending = [];

    private readonly ChannelChange _change;

    private ChannelClass(int size, ChannelChange change) => (Size, _change) = (size, change);

    /// <summary>The number of channels.</summary>
    public int Size { get; }

    /// <summary>Why the channels have to stay as they are, for people; null when they may change.</summary>
    public string? Fixed { get; private set; }

    /// <summary>The computed values that have the channels.</summary>
    public IEnumerable<Value> Values => _values.Keys;

    /// <summary>The operands of nodes that are constants and have the channels, or their inverse factors.</summary>
    public IEnumerable<Use> Constants => _constants.Keys;

    /// <summary>The channels of <paramref name="value"/> along <paramref name="axis"/>, and all that belong to them when they are changed.</summary>
    public static ChannelClass Of(Value value, int axis, ChannelChange change)
    {
        var found = new ChannelClass(value.Type[axis].Size, change);
        found.Add(value, new ChannelSegment(axis));
        while (found.Fixed is null && found._pending.TryDequeue(out var next)) found.Follow(next.Value, next.Segment);
        found.Fixed ??= found.SharedWeight();
        return found;
    }

    /// <summary>Where an operand of a node, constant or not, has these channels.</summary>
    public IReadOnlyList<ChannelSegment> SegmentsOf(Node node, int operand) =>
        node.Input(operand) is not { } value ? [] : value.Constant is not null ? _constants.GetValueOrDefault(new Use(node, operand)) ?? [] : SegmentsOf(value);

    /// <summary>Where a computed value has these channels.</summary>
    public IReadOnlyList<ChannelSegment> SegmentsOf(Value value) => _values.GetValueOrDefault(value) ?? [];

    /// <summary>Whether the class has the channels of <paramref name="value"/> along <paramref name="axis"/>.</summary>
    public bool Contains(Value value, int axis) => _values.TryGetValue(value, out var segments) && segments.Any(segment => segment.Axis == axis && segment.Start == 0 && segment.Inner == 1);

    /// <summary>Says why the channels have to stay; the first reason holds.</summary>
    public void Keep(string reason) => Fixed ??= reason;

    /// <summary>Puts the channels in another order in every constant.</summary>
    /// <param name="graph">The graph of the values.</param>
    /// <param name="order">The old channel at each new position.</param>
    public void Reorder(Graph graph, IReadOnlyList<int> order) => Change(graph, (tensor, segment) => Reordered(tensor, segment, order));

    /// <summary>Multiplies the channels of every value by a factor each, by multiplying or dividing the constants, which are float32.</summary>
    /// <param name="graph">The graph of the values.</param>
    /// <param name="factors">A positive factor for each channel.</param>
    public void Scale(Graph graph, IReadOnlyList<float> factors) => Change(graph, (tensor, segment) => Scaled(tensor.As<float>(), segment, factors));

    private void Change(Graph graph, Func<Tensor, ChannelSegment, Tensor> change)
    {
        foreach (var constant in _constants.Keys.Select(use => use.Node.Inputs[use.Index]!).Distinct().ToArray())
        {
            // One tensor that stands for several factors, because they were equal, becomes one for each change.
            var byChange = constant.Uses.GroupBy(use => string.Join(' ', SegmentsOf(use.Node, use.Index).Order(Comparer<ChannelSegment>.Create((a, b) => (a.Axis, a.Start, a.Power).CompareTo((b.Axis, b.Start, b.Power)))))).ToArray();
            var tensor = constant.Constant!;
            for (var i = 0; i < byChange.Length; i++)
            {
                var first = byChange[i].First();
                var changed = SegmentsOf(first.Node, first.Index).Aggregate(tensor, change);
                if (i == 0 && byChange.Length == 1) graph.SetConstant(constant, changed);
                else if (!ReferenceEquals(changed, tensor)) Separate(graph, constant, changed, [.. byChange[i]]);
            }
        }
    }

    private static void Separate(Graph graph, Value constant, Tensor ordered, Use[] uses)
    {
        var own = graph.AddConstant(constant.Name, ordered);
        foreach (var use in uses) graph.ReplaceInput(use.Node, use.Index, own);
    }

    private static Tensor Reordered(Tensor tensor, ChannelSegment segment, IReadOnlyList<int> order)
    {
        var result = tensor.Clone();
        var (outer, inner) = (tensor.Shape.LengthOf(0, segment.Axis), tensor.Shape.LengthOf(segment.Axis + 1, tensor.Shape.Rank));
        var elementBytes = tensor.Bytes.Length / Math.Max(1, tensor.Length);
        var (row, channel) = (tensor.Shape[segment.Axis] * inner * elementBytes, segment.Inner * inner * elementBytes);
        for (var o = 0; o < outer; o++)
        {
            var start = o * row + segment.Start * inner * elementBytes;
            for (var i = 0; i < order.Count; i++) tensor.Bytes.Slice(start + order[i] * channel, channel).CopyTo(result.Bytes[(start + i * channel)..]);
        }
        return result;
    }

    private static Tensor<float> Scaled(Tensor<float> tensor, ChannelSegment segment, IReadOnlyList<float> factors)
    {
        var result = (Tensor<float>)tensor.Clone();
        var (outer, inner) = (tensor.Shape.LengthOf(0, segment.Axis), tensor.Shape.LengthOf(segment.Axis + 1, tensor.Shape.Rank));
        var (row, channel) = (tensor.Shape[segment.Axis] * inner, segment.Inner * inner);
        for (var o = 0; o < outer; o++)
            for (var c = 0; c < factors.Count; c++)
                foreach (ref var element in result.Span.Slice(o * row + segment.Start * inner + c * channel, channel))
                    element = segment.Power > 0 ? element * factors[c] : element / factors[c];
        return result;
    }

    private void Add(Value value, ChannelSegment segment)
    {
        if (!_values.TryGetValue(value, out var known)) _values[value] = known = [];
        if (known.Contains(segment)) return;
        if (known.Any(other => other.Axis == segment.Axis && other.Start < segment.End(Size) && segment.Start < other.End(Size)))
            Fixed ??= $"'{value.Name}' would have to change in two ways at once";
        known.Add(segment);
        _pending.Enqueue((value, segment));
    }

    private void Follow(Value value, ChannelSegment segment)
    {
        if (value.IsGraphOutput) Fixed ??= $"'{value.Name}' is an output of the network";
        else if (value.Producer is null) Fixed ??= $"'{value.Name}' is an input of the network";
        else Follow(value.Producer, ~value.OutputIndex, segment);
        foreach (var use in value.Uses) Follow(use.Node, use.Index, segment);
    }

    private void Follow(Node node, int slot, ChannelSegment segment)
    {
        if (Fixed is not null) return;
        if (ChannelTies.IsReshape(node) && slot <= 0)
        {
            var (from, to) = slot == 0 ? (node.Inputs[0]!, node.Output) : (node.Output, node.Inputs[0]!);
            if (segment.Reshaped(from.Type, to.Type) is { } moved) Reach(node, slot == 0 ? ~0 : 0, moved);
            else Keep(node);
            return;
        }
        foreach (var tie in _change.TiesOf(node))
            foreach (var here in tie.Axes)
            {
                if (here.Slot != slot || here.Axis != segment.Axis || segment.Start < here.Offset || segment.End(Size) > here.Offset + tie.Size * here.Repeat) continue;
                if (segment.Inner % here.Repeat != 0 || (segment.Start - here.Offset) % here.Repeat != 0)
                {
                    Keep(node);
                    return;
                }
                foreach (var there in tie.Axes)
                    if (there != here) Reach(node, there.Slot, new ChannelSegment(there.Axis, (segment.Start - here.Offset) / here.Repeat * there.Repeat + there.Offset, segment.Inner / here.Repeat * there.Repeat, segment.Power * here.Power * there.Power));
                return;
            }
        Keep(node);
    }

    private void Reach(Node node, int slot, ChannelSegment segment)
    {
        var value = ChannelTies.At(node, slot)!;
        if (value.Constant is null)
        {
            Add(value, segment);
            return;
        }
        if (value.IsGraphOutput) Fixed ??= $"'{value.Name}' is an output of the network";
        var use = new Use(node, slot);
        if (!_constants.TryGetValue(use, out var known)) _constants[use] = known = [];
        if (!known.Contains(segment)) known.Add(segment);
    }

    private void Keep(Node node) => Fixed ??= $"{node.Op.Schema.Name} '{node.Name}' {_change.Reason}";

    /// <summary>Weights that layers share stay shared, so all of their readers must want the same change.</summary>
    private string? SharedWeight()
    {
        foreach (var constant in _constants.Keys.Select(use => use.Node.Inputs[use.Index]!).Distinct())
        {
            var isVector = constant.Type.Dims.Count(dim => dim != 1) <= 1;
            if (!isVector && constant.Uses.Any(use => !SegmentsOf(use.Node, use.Index).ToHashSet().SetEquals(SegmentsOf(constant.Uses[0].Node, constant.Uses[0].Index))))
                return $"the weight '{constant.Name}' is read in several places";
        }
        return null;
    }
}
