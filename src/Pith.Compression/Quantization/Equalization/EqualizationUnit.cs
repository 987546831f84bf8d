using Pith.Compression.Sparsity;

namespace Pith.Compression.Quantization;

/// <summary>
/// Classes of channels whose factors are chosen together, because some of their values share a scale: one class in most cases, several where values are concatenated. Its channels are those of the classes, one class after the other.
/// </summary>
internal sealed class EqualizationUnit
{
    private readonly int[] _starts;

    private EqualizationUnit(IReadOnlyList<FreeClass> classes, IReadOnlyList<int> scales)
    {
        (Classes, Scales, _starts) = (classes, scales, new int[classes.Count]);
        for (var i = 0; i < classes.Count; i++)
        {
            _starts[i] = Size;
            Size += classes[i].Class.Size;
        }
        Factors = Enumerable.Repeat(1.0, Size).ToArray();
    }

    /// <summary>A class, with the value and axis from which it is found again in a copy of the graph.</summary>
    internal readonly record struct FreeClass(ChannelClass Class, string Value, int Axis);

    /// <summary>The classes.</summary>
    public IReadOnlyList<FreeClass> Classes { get; }

    /// <summary>The groups of the placement (<see cref="QuantizedTensor.Group"/>) that have values of the classes.</summary>
    public IReadOnlyList<int> Scales { get; }

    /// <summary>The number of channels.</summary>
    public int Size { get; }

    /// <summary>The factor of each channel.</summary>
    public double[] Factors { get; }

    /// <summary>Whether any factor is not 1.</summary>
    public bool Changes => Factors.Any(factor => factor != 1);

    /// <summary>The factors of one of the classes.</summary>
    public float[] FactorsOf(int index) => [.. Factors.AsSpan(_starts[index], Classes[index].Class.Size).ToArray().Select(factor => (float)factor)];

    /// <summary>The channel of each index along an axis of a value; -1 where the index belongs to none.</summary>
    public int[] Channels(Value value, int axis)
    {
        var channels = new int[value.Type[axis].Size];
        Array.Fill(channels, -1);
        for (var i = 0; i < Classes.Count; i++)
            foreach (var segment in Classes[i].Class.SegmentsOf(value))
                if (segment.Axis == axis)
                    for (var index = segment.Start; index < segment.End(Classes[i].Class.Size); index++) channels[index] = _starts[i] + (index - segment.Start) / segment.Inner;
        return channels;
    }

    /// <summary>The axis along which a value has channels of the unit; null when it has none.</summary>
    public int? AxisOf(Value value)
    {
        foreach (var (channels, _, _) in Classes)
            foreach (var segment in channels.SegmentsOf(value)) return segment.Axis;
        return null;
    }

    /// <summary>Multiplies the channels by their factors in a copy of the graph in which the unit was found.</summary>
    public void Apply(Graph copy)
    {
        for (var i = 0; i < Classes.Count; i++) ChannelClass.Of(copy.Find(Classes[i].Value)!, Classes[i].Axis, ChannelChange.Factor).Scale(copy, FactorsOf(i));
    }

    /// <summary>All classes of a graph.</summary>
    /// <param name="graph">A simplified float graph.</param>
    /// <param name="placement">What is to be quantized in it.</param>
    /// <param name="kept">Receives the classes that have to stay as they are; each says why.</param>
    public static IReadOnlyList<EqualizationUnit> Find(Graph graph, QdqPlacement placement, ICollection<FreeClass> kept)
    {
        var classes = new List<FreeClass>();
        foreach (var (value, axis) in Starts(graph))
        {
            if (classes.Concat(kept).Any(known => known.Class.Contains(value, axis))) continue;
            var found = ChannelClass.Of(value, axis, ChannelChange.Factor);
            if (found.Constants.Select(use => use.Node.Inputs[use.Index]!).FirstOrDefault(constant => constant.Type.DataType != DataType.Float32) is { } other) found.Keep($"'{other.Name}' is {other.Type}");
            (found.Fixed is null ? classes : kept).Add(new FreeClass(found, value.Name, axis));
        }
        return Joined(classes, placement);
    }

    /// <summary>The results to which a constant gives their magnitude channel by channel: those of layers and of affine ops.</summary>
    private static IEnumerable<(Value Value, int Axis)> Starts(Graph graph) =>
        from node in graph.Nodes
        from tie in FactorTies.Of(node)
        where tie.Size > 1 && tie.Axes.Any(axis => axis.Slot >= 0 && ChannelTies.At(node, axis.Slot)!.Constant is not null)
        from axis in tie.Axes
        where axis.Slot == ChannelTies.Result && axis.Offset == 0 && axis.Repeat == 1 && node.Output.Type.DataType == DataType.Float32
        select (node.Output, axis.Axis);

    private static EqualizationUnit[] Joined(List<FreeClass> classes, QdqPlacement placement)
    {
        var units = new List<(List<FreeClass> Classes, HashSet<int> Scales)>();
        foreach (var found in classes)
        {
            var scales = placement.Activations.Where(activation => found.Class.SegmentsOf(activation.Value).Count > 0).Select(activation => activation.Group).ToHashSet();
            var sharing = units.Where(unit => unit.Scales.Overlaps(scales)).ToArray();
            foreach (var unit in sharing)
            {
                units.Remove(unit);
                scales.UnionWith(unit.Scales);
            }
            units.Add(([.. sharing.SelectMany(unit => unit.Classes), found], scales));
        }
        return [.. units.Select(unit => new EqualizationUnit(unit.Classes, [.. unit.Scales.Order()]))];
    }
}
