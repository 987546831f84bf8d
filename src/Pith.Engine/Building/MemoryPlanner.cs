namespace Pith.Building;

/// <summary>
/// Where every computed slot lies: in a context's arena or, when only layers that run image by image use it, in an arena of one image, of which each thread has one. The network's outputs, which callers
/// see, have memory of their own, like its inputs.
/// </summary>
/// <param name="Offsets">Bytes from the start of the slot's arena, by slot index; -1 for slots that are in none.</param>
/// <param name="PerImage">Whether the slot is in the arena of an image, by slot index.</param>
/// <param name="Bytes">The arena's size.</param>
/// <param name="ImageBytes">The size of the arena of an image.</param>
/// <param name="OutputBytes">The sizes of the outputs together.</param>
internal sealed record MemoryPlan(IReadOnlyList<long> Offsets, IReadOnlyList<bool> PerImage, long Bytes, long ImageBytes, long OutputBytes);

/// <summary>Gives slots that are never needed at the same time the same memory: best fit, largest first, offsets by lifetime.</summary>
internal static class MemoryPlanner
{
    private const long Alignment = 64;

    // Kernels may load a whole vector at the last element of a slot.
    private const long Slack = 64;

    /// <summary>A block of memory that is in use from layer <paramref name="First"/> to layer <paramref name="Last"/>, both included.</summary>
    internal readonly record struct Request(int Id, long Bytes, int First, int Last);

    public static MemoryPlan Plan(LoweredNetwork network)
    {
        var first = new int[network.Slots.Count];
        var last = new int[network.Slots.Count];
        Array.Fill(first, -1);
        for (var i = 0; i < network.Layers.Count; i++)
        {
            foreach (var output in network.Layers[i].Outputs)
            {
                first[output.Owner.Index] = i;
                last[output.Owner.Index] = i;
            }
            foreach (var input in network.Layers[i].Inputs)
                if (input is not null) last[input.Owner.Index] = i;
        }
        // Outputs and observed values stay until the run is over.
        foreach (var output in network.Outputs.Concat(network.Observed)) last[output.Owner.Index] = network.Layers.Count;
        var outputs = network.Outputs.ToHashSet(ReferenceEqualityComparer.Instance);

        // Slots that are written and last read by layers that run image by image hold one image.
        bool IsPerImage(Slot slot) => slot is { Kind: SlotKind.Computed, View: null } && last[slot.Index] < network.PerImage;
        Request Of(Slot slot, int batch) => new(slot.Index, slot.Bytes(batch) + Slack, first[slot.Index], last[slot.Index]);
        var computed = network.Slots.Where(slot => slot is { Kind: SlotKind.Computed, View: null } && !outputs.Contains(slot)).ToArray();
        // Results of the first layers are filled image by image: they are in use from the first image on.
        var (whole, bytes) = Place(computed.Where(slot => !IsPerImage(slot)).Select(slot => Of(slot, network.Shapes.MaxBatch) is var request && request.First < network.PerImage ? request with { First = 0 } : request));
        var (single, imageBytes) = Place(computed.Where(IsPerImage).Select(slot => Of(slot, 1)));
        return new MemoryPlan(
            [.. network.Slots.Select(slot => whole.TryGetValue(slot.Index, out var offset) ? offset : single.GetValueOrDefault(slot.Index, -1))], [.. network.Slots.Select(IsPerImage)], bytes, imageBytes,
            outputs.Cast<Slot>().Sum(slot => slot.Bytes(network.Shapes.MaxBatch)));
    }

    /// <summary>Places blocks, largest first, each in the smallest gap that fits between the blocks alive at the same time.</summary>
    internal static (IReadOnlyDictionary<int, long> Offsets, long Bytes) Place(IEnumerable<Request> requests)
    {
        var placed = new List<(Request Request, long Offset)>();
        foreach (var request in requests.OrderByDescending(request => request.Bytes).ThenBy(request => request.Id))
            placed.Add((request, BestGap(request, placed)));
        return (placed.ToDictionary(entry => entry.Request.Id, entry => entry.Offset), placed.Count == 0 ? 0 : placed.Max(entry => End(entry)));
    }

    private static long BestGap(Request request, List<(Request Request, long Offset)> placed)
    {
        var alive = placed.Where(other => other.Request.First <= request.Last && request.First <= other.Request.Last).OrderBy(other => other.Offset);
        long cursor = 0, best = -1, bestSize = long.MaxValue;
        foreach (var other in alive)
        {
            var gap = other.Offset - cursor;
            if (gap >= Rounded(request.Bytes) && gap < bestSize) (best, bestSize) = (cursor, gap);
            cursor = Math.Max(cursor, End(other));
        }
        return best >= 0 ? best : cursor;
    }

    private static long End((Request Request, long Offset) entry) => entry.Offset + Rounded(entry.Request.Bytes);

    private static long Rounded(long bytes) => (bytes + Alignment - 1) & -Alignment;
}
