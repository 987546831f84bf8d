using Pith.Kernels.Simd;
using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// One phase of the gradient of a strided convolution with respect to its input: every StrideHeight-th row and StrideWidth-th column of the result. The same taps meet all of them, so a phase is a convolution of stride 1 over the gradient of the
/// output, and no product with an inserted zero is ever computed. Phases without taps are 0.
/// </summary>
/// <param name="Rows">Its rows.</param>
/// <param name="Columns">Its columns.</param>
/// <param name="Forward">The window of the forward convolution.</param>
/// <param name="Area">What all phases together read of an image.</param>
internal sealed record InputGradientPhase(PhaseAxis Rows, PhaseAxis Columns, Window Forward, ImageArea Area)
{
    /// <summary>A layer for each phase that has pixels, the one with the most taps first.</summary>
    public static ContractionLayer[] Of(TrainingLayer layer)
    {
        var op = (ConvInputGradient)layer.Op;
        var w = Windows.Of(op.Window.Resolve(layer.Output.Shape.FixedFrom(2), layer.Inputs[1]!.Shape.FixedFrom(2)));
        var rows = Axes(w.StrideHeight, w.DilationHeight, w.PadTop, w.KernelHeight, layer.Output.Height);
        var columns = Axes(w.StrideWidth, w.DilationWidth, w.PadLeft, w.KernelWidth, layer.Output.Width);
        var ((row, rowCount), (column, columnCount)) = (Extent(rows, layer.Output.Height), Extent(columns, layer.Output.Width));
        var phases = from r in rows from c in columns select new InputGradientPhase(r, c, w, new ImageArea(row, column, rowCount, columnCount));
        return [.. phases.OrderByDescending(phase => phase.Window.Taps).Select(phase => new ContractionLayer
        {
            Op = op, Name = layer.Name, Nodes = layer.Nodes, Inputs = [layer.Inputs[0], layer.Inputs[1], null, layer.Residual], Outputs = layer.Outputs, Macs = layer.Macs, Window = phase.Window, Groups = op.Groups, Phase = phase,
            AllowsBf16 = layer.AllowsBf16,
        })];
    }

    /// <summary>The window of the phase, of stride 1; with negative padding where the first begins inside the image.</summary>
    public Window Window => Rows.Taps.Count == 0 || Columns.Taps.Count == 0 ? Window.Point with { KernelHeight = 0, KernelWidth = 0 } : Window.Point with
    {
        KernelHeight = Rows.Taps.Count,
        KernelWidth = Columns.Taps.Count,
        DilationHeight = Rows.Taps.Count == 1 ? 1 : Rows.Taps.Step,
        DilationWidth = Columns.Taps.Count == 1 ? 1 : Columns.Taps.Step,
        PadTop = -Rows.Taps.Offset,
        PadLeft = -Columns.Taps.Offset,
    };

    /// <summary>Strides of the phase's weights in the weight tensor of the forward convolution, which is [inputs, outputs, taps] in each group.</summary>
    public WeightPlaces PlacesOfWeights(int inputs, int outputs) => new(
        Forward.Taps, Rows.LastTap * Forward.KernelWidth + Columns.LastTap, (nint)inputs * outputs * Forward.Taps, Forward.Taps, (nint)outputs * Forward.Taps, -Rows.TapStep * Forward.KernelWidth, -Columns.TapStep);

    private static PhaseAxis[] Axes(int stride, int dilation, int pad, int kernel, int length) =>
        [.. Enumerable.Range(0, Math.Min(stride, length)).Select(phase => PhaseAxis.Of(phase, stride, dilation, pad, kernel))];

    // The positions that are read, one at least.
    private static (int First, int Count) Extent(PhaseAxis[] axes, int length)
    {
        var read = axes.Where(axis => axis.Taps.Count > 0).ToArray();
        if (read.Length == 0) return (0, 1);
        var first = read.Min(axis => axis.Taps.Offset);
        return (first, read.Max(axis => axis.Taps.Offset + axis.Taps.Extent(axis.Positions(length))) - first);
    }
}

/// <summary>Rows and columns of an image, the first of which may lie before it.</summary>
internal readonly record struct ImageArea(int Row, int Column, int Rows, int Columns);
