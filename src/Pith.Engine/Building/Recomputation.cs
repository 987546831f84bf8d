using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Activation checkpointing on the layers of a training network. The forward pass is what the first output, the loss, depends on. A slot of it that is not kept is computed again by a copy of its layer (and of
/// the layers before it, back to slots that are kept), placed before the first layer of the backward pass that reads it; every later one reads the copy. Each layer runs at most twice, by the same kernel, so bits do not change.
/// </summary>
internal sealed class Recomputation
{
    // Small slots are not worth a layer. Statistics and sums per channel are smaller.
    private const long WorthRecomputing = 64 << 10;

    // How many layers may lie between a slot and the kept ones that it is computed from, for RecomputeMode.Selective, and the numbers of segments for RecomputeMode.Full. What needs the least memory is taken.
    private static readonly int[] s_depths = [1, 2, 3, 4, 6, 9], s_segments = [2, 3, 4, 6, 8, 12, 16, 24, 32];

    private readonly LoweredNetwork _network;
    private readonly bool[] _isForward;
    private readonly HashSet<Slot> _fixed = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Slot> _readBackward = new(ReferenceEqualityComparer.Instance);

    private Recomputation(LoweredNetwork network)
    {
        _network = network;
        _isForward = ForwardLayers(network);
        foreach (var slot in network.Outputs.Concat(network.Observed)) _fixed.Add(slot.Owner);
        for (var i = 0; i < _isForward.Length; i++)
            if (!_isForward[i]) _readBackward.UnionWith(network.Layers[i].Inputs.OfType<Slot>().Select(slot => slot.Owner));
    }

    /// <summary>The network with the copies that <paramref name="mode"/> asks for.</summary>
    /// <param name="network">A network whose first output is the loss, before borders are planned.</param>
    /// <param name="mode">What may be computed again.</param>
    public static LoweredNetwork Apply(LoweredNetwork network, RecomputeMode mode)
    {
        var recomputation = new Recomputation(network);
        var plain = recomputation.With(recomputation.Light(1, IsFakeQuantization));
        var candidates = mode switch
        {
            RecomputeMode.Selective => s_depths.Select(depth => recomputation.With(recomputation.Light(depth, IsLight))),
            RecomputeMode.Full => s_segments.Select(segments => recomputation.With(recomputation.InsideSegments(segments))),
            _ => [],
        };
        return candidates.Prepend(plain).MinBy(candidate => MemoryPlanner.Plan(candidate).Bytes)!;
    }

    /// <summary>The slots of light layers that are at most <paramref name="depth"/> copies away from what the backward pass has anyway.</summary>
    private HashSet<Slot> Light(int depth, Func<Layer, bool> isLight)
    {
        var chosen = new HashSet<Slot>(ReferenceEqualityComparer.Instance);
        // Copies that are needed to have the slot in the backward pass; slots that cannot be had are missing.
        var distances = new Dictionary<Slot, int>(ReferenceEqualityComparer.Instance);
        foreach (var layer in ForwardInOrder())
        {
            var operands = layer.Inputs.OfType<Slot>().Select(slot => slot.Owner).Where(slot => slot.Kind == SlotKind.Computed).ToArray();
            var distance = isLight(layer) && operands.All(distances.ContainsKey) ? 1 + operands.Select(slot => distances[slot]).DefaultIfEmpty(0).Max() : int.MaxValue;
            foreach (var slot in layer.Outputs.Select(output => output.Owner))
                if (_fixed.Contains(slot)) distances[slot] = 0;
                else if (distance <= depth && IsLarge(slot))
                {
                    distances[slot] = distance;
                    chosen.Add(slot);
                }
                else if (_readBackward.Contains(slot)) distances[slot] = 0;
        }
        return chosen;
    }

    /// <summary>All slots but those that go from one segment to the next, where the network is cut into segments of about the same size. The last one is kept: the backward pass begins there.</summary>
    private HashSet<Slot> InsideSegments(int segments)
    {
        var layers = ForwardInOrder().ToArray();
        var sizes = layers.Select(layer => layer.Outputs.Sum(output => IsLarge(output.Owner) ? output.Owner.Bytes(_network.Shapes.MaxBatch) : 0)).ToArray();
        var target = Math.Max(1, sizes.Sum() / segments);
        var crossing = Crossing(layers);
        var chosen = Light(1, IsFakeQuantization);
        var (inside, borders) = (new List<Slot>(), new List<Slot>());
        long size = 0;
        for (var i = 0; i < layers.Length; i++)
        {
            size += sizes[i];
            inside.AddRange(layers[i].Outputs.Select(output => output.Owner).Where(slot => IsLarge(slot) && !_fixed.Contains(slot)));
            if (size < target || crossing[i].Count != 1) continue;
            chosen.UnionWith(inside);
            borders.AddRange(crossing[i]);
            inside.Clear();
            size = 0;
        }
        chosen.ExceptWith(borders);
        return chosen;
    }

    // The large slots that layers after each one read, of those written so far.
    private HashSet<Slot>[] Crossing(Layer[] layers)
    {
        var last = new Dictionary<Slot, int>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < layers.Length; i++)
            foreach (var input in layers[i].Inputs.OfType<Slot>()) last[input.Owner] = i;
        var crossing = new HashSet<Slot>[layers.Length];
        var open = new HashSet<Slot>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < layers.Length; i++)
        {
            open.UnionWith(layers[i].Outputs.Select(output => output.Owner).Where(IsLarge));
            open.RemoveWhere(slot => last.GetValueOrDefault(slot, -1) <= i);
            crossing[i] = new HashSet<Slot>(open, ReferenceEqualityComparer.Instance);
        }
        return crossing;
    }

    /// <summary>The network in which the backward pass computes these slots again.</summary>
    private LoweredNetwork With(HashSet<Slot> recomputed)
    {
        var rewriting = new Rewriting(_network, recomputed);
        for (var i = 0; i < _isForward.Length; i++) rewriting.Add(_network.Layers[i], _isForward[i]);
        return rewriting.Finish();
    }

    private IEnumerable<Layer> ForwardInOrder() => _network.Layers.Where((_, i) => _isForward[i]);

    private bool IsLarge(Slot slot) => slot.Kind == SlotKind.Computed && slot.Bytes(_network.Shapes.MaxBatch) >= WorthRecomputing;

    // Time goes with bytes, not with products. Batch norm has its statistics already.
    private static bool IsLight(Layer layer) => layer.Macs == 0;

    private static bool IsFakeQuantization(Layer layer) => layer is FakeQuantizeLayer;

    private static bool[] ForwardLayers(LoweredNetwork network)
    {
        var isForward = new bool[network.Layers.Count];
        var needed = new HashSet<Slot>(ReferenceEqualityComparer.Instance) { network.Outputs[0].Owner };
        for (var i = isForward.Length - 1; i >= 0; i--)
        {
            isForward[i] = network.Layers[i].Outputs.Any(output => needed.Contains(output.Owner));
            if (isForward[i]) needed.UnionWith(network.Layers[i].Inputs.OfType<Slot>().Select(slot => slot.Owner));
        }
        return isForward;
    }

    /// <summary>Builds the list of layers.</summary>
    private sealed class Rewriting(LoweredNetwork network, HashSet<Slot> recomputed)
    {
        private readonly List<Layer> _layers = [];
        private readonly List<Slot> _slots = [.. network.Slots];
        private readonly Dictionary<Slot, Slot> _copies = new(ReferenceEqualityComparer.Instance);

        public void Add(Layer layer, bool isForward) => _layers.Add(isForward ? layer : layer.On([.. layer.Inputs.Select(Available)], layer.Outputs));

        public LoweredNetwork Finish()
        {
            for (var i = network.Slots.Count; i < _slots.Count; i++) _slots[i].Index = i;
            return new LoweredNetwork(network.Shapes, _slots, _layers, network.Inputs, network.Outputs, network.Observed);
        }

        // The slot, or its copy, which is computed here when it is asked for first.
        private Slot? Available(Slot? slot)
        {
            if (slot is null || !recomputed.Contains(slot.Owner)) return slot;
            if (!_copies.ContainsKey(slot.Owner)) Recompute(network.Layers[network.Producers[slot.Owner]]);
            return CopyOf(slot);
        }

        private void Recompute(Layer layer)
        {
            var inputs = layer.Inputs.Select(Available).ToArray();
            _layers.Add(layer is TrainingLayer { Op: BatchNormTraining norm } training
                ? training.WithStatistics(norm, inputs, CopyOf(layer.Output))
                : layer.On(inputs, [.. layer.Outputs.Select(CopyOf)]));
        }

        private Slot CopyOf(Slot slot)
        {
            if (_copies.TryGetValue(slot, out var copy)) return copy;
            _slots.Add(copy = slot.Copy(slot.View is { } view ? CopyOf(view) : null));
            _copies.Add(slot, copy);
            return copy;
        }
    }
}
