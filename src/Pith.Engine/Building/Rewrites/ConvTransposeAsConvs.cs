using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// A transposed convolution with strides (s, t) is s * t convolutions of stride 1: the outputs whose position has one remainder modulo the stride (a phase) are made from every s-th tap, and from
/// consecutive inputs. They are separate convolutions without wasted products, or one whose output channels are all phases; <see cref="InterleavePhases"/> joins them. Each sum has the terms of the
/// original, in another order.
/// </summary>
internal sealed class ConvTransposeAsConvs : LoweringRewrite
{
    // Channels that a kernel computes at a time.
    private const int VectorChannels = 16;

    protected override Replacement? Rewrite(Graph graph, Node node)
    {
        if (node.Op is not ConvTranspose op || node.Input(0) is not { Type.Rank: 4 } x || x.Type.DataType != DataType.Float32 || !x.Type.Dims.Skip(1).All(dim => dim.IsFixed)) return null;
        if (PhaseWeights.Of(node.Input(1)!, op.Groups) is not { } weights || (node.Input(2) is { } bias && WeightOperand.Evaluate(bias) is null)) return null;
        if (!node.Output.Type.Dims.Skip(1).All(dim => dim.IsFixed)) return null;
        var axes = Enumerable.Range(0, 2).Select(axis => op.Resolve(x.Type[axis + 2].Size, weights.Shape[axis + 2], axis)).ToArray();
        // Negative padding adds zeros around the output.
        if (axes.Any(axis => axis.PadBegin < 0 || axis.Input < 1)) return null;
        var joined = Array.ConvertAll(axes, JoinedPhase);
        var separate = Array.ConvertAll(axes, axis => Enumerable.Range(0, axis.Stride).Select(phase => SeparatePhase(axis, phase)).ToArray());
        var isJoined = op.Groups == 1 && axes.Any(axis => axis.Stride > 1) && JoinedCost(joined, axes, weights) <= SeparateCost(separate, weights) || separate.Any(phases => phases.Any(phase => phase.PadBegin < 0));
        if (isJoined && (op.Groups > 1 || joined.Any(phase => phase.PadBegin < 0))) return null;
        return isJoined ? Joined(graph, node, weights, axes, joined) : Separate(graph, node, weights, axes, separate);
    }

    /// <summary>One phase along one axis as a convolution of stride 1.</summary>
    /// <param name="Taps">Taps of its kernel, the last of the original first: tap u is the original's First + (Taps - 1 - u) * stride.</param>
    /// <param name="First">The phase's first tap in the original.</param>
    /// <param name="PadBegin">Padding before the input.</param>
    /// <param name="Outputs">Outputs that are read.</param>
    /// <param name="Cut">Elements of the joined axis before the first of the result.</param>
    private readonly record struct Phase(int Taps, int First, int PadBegin, int Outputs, int Cut)
    {
        // Outputs beyond the padded input, which read nothing, are computed as sums without terms. There is one at least, even if none is read.
        public int PadEnd(int input) => Math.Max(0, Math.Max(Outputs, 1) - (input + PadBegin - Taps + 1));
    }

    // The outputs o = stride * j + phase have the taps r with (o + pad - r * dilation) divisible by the stride. Dilated taps are handled as a kernel with zeros between them.
    private static Phase SeparatePhase(WindowAxis axis, int phase)
    {
        var (first, shift) = ((phase + axis.PadBegin) % axis.Stride, (phase + axis.PadBegin) / axis.Stride);
        var taps = (axis.Extent - first + axis.Stride - 1) / axis.Stride;
        // A stride longer than the kernel leaves phases without taps: one tap of zeros.
        if (taps <= 0) return new Phase(1, first, 0, (axis.Input - phase + axis.Stride - 1) / axis.Stride, 0);
        return new Phase(taps, first, taps - 1 - shift, (axis.Input - phase + axis.Stride - 1) / axis.Stride, 0);
    }

    // All phases with one window: they start at the first whole step of the padding, and the rest is cut off when they are joined.
    private static Phase JoinedPhase(WindowAxis axis)
    {
        var taps = (axis.Extent + axis.Stride - 1) / axis.Stride;
        var skipped = axis.PadBegin / axis.Stride;
        return new Phase(taps, 0, taps - 1 - skipped, (axis.PadBegin + axis.Input - 1) / axis.Stride - skipped + 1, axis.PadBegin - skipped * axis.Stride);
    }

    private static double JoinedCost(Phase[] phases, WindowAxis[] axes, PhaseWeights weights)
    {
        var channels = weights.OutChannels * axes[0].Stride * axes[1].Stride;
        return (double)phases[0].Taps * phases[1].Taps * Math.Max(phases[0].Outputs, 1) * phases[1].Outputs * Whole(channels);
    }

    private static double SeparateCost(Phase[][] phases, PhaseWeights weights) =>
        phases[0].Sum(row => phases[1].Sum(column => (double)row.Taps * column.Taps * row.Outputs * column.Outputs)) * Whole(weights.OutChannels);

    private static int Whole(int channels) => (channels + VectorChannels - 1) / VectorChannels * VectorChannels;

    private static Replacement Joined(Graph graph, Node node, PhaseWeights weights, WindowAxis[] axes, Phase[] phases)
    {
        var count = axes[0].Stride * axes[1].Stride;
        var all = from row in Enumerable.Range(0, axes[0].Stride) from column in Enumerable.Range(0, axes[1].Stride) select (row, column);
        var kernel = weights.Kernel(graph, axes, [.. all.Select(at => (phases[0] with { First = at.row }, phases[1] with { First = at.column })).Select(pair => (Tap(pair.Item1, axes[0]), Tap(pair.Item2, axes[1])))]);
        var bias = node.Input(2) is { } one && count > 1 ? PhaseWeights.Repeated(graph, one, count) : node.Input(2);
        var conv = Conv(graph, node, kernel, bias, phases[0], phases[1], 1);
        var join = new InterleavePhases(axes[0].Stride, axes[1].Stride, phases[0].Cut, phases[1].Cut, axes[0].Input, axes[1].Input);
        return new(graph.Add(join, conv), conv.Producer);
    }

    private static Replacement Separate(Graph graph, Node node, PhaseWeights weights, WindowAxis[] axes, Phase[][] phases)
    {
        var convs = new List<Value>();
        foreach (var row in phases[0])
            foreach (var column in phases[1])
                convs.Add(Conv(graph, node, weights.Kernel(graph, axes, [(Tap(row, axes[0]), Tap(column, axes[1]))]), node.Input(2), row, column, ((ConvTranspose)node.Op).Groups));
        if (convs.Count == 1 && convs[0].Type == node.Output.Type) return new(convs[0], convs[0].Producer);
        return new(graph.Add(new InterleavePhases(phases[0].Length, phases[1].Length, 0, 0, axes[0].Input, axes[1].Input), convs.ToArray()), convs[0].Producer);
    }

    private static PhaseTaps Tap(Phase phase, WindowAxis axis) => new(phase.Taps, phase.First, axis.Stride);

    private static Value Conv(Graph graph, Node node, Value kernel, Value? bias, Phase row, Phase column, int groups)
    {
        var x = node.Input(0)!;
        var window = new WindowAttributes { Pads = [row.PadBegin, column.PadBegin, row.PadEnd(x.Type[2].Size), column.PadEnd(x.Type[3].Size)] };
        return graph.AddNode(new Conv { Window = window, Groups = groups }, bias is null ? [x, kernel] : [x, kernel, bias], $"{node.Name}/phase").Output;
    }
}
