using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// Makes an explicit Pad part of the window of the convolution or pooling that reads it, wherever that computes the same: zeros before a convolution; zeros that count before an average; before a maximum,
/// a number that no element is below. Negative amounts, and amounts on other than spatial axes, stay a Pad.
/// </summary>
public sealed class FoldPadding : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (node.Op is not (Conv or ConvTranspose or AveragePool or MaxPool) || node.Outputs.Count != 1 || node.Output is { Uses.Count: 0, IsGraphOutput: false }) continue;
            if (PaddedInput.Of(node.Inputs[0]!) is not { } padded || padded.Amounts.Take(2).Any(axis => axis != (0, 0))) continue;
            if (Folded(node, [.. padded.Amounts.Skip(2)], padded) is not { } op) continue;
            var unpadded = padded.Unpadded(graph);
            graph.Substitute(node, op, [unpadded, .. node.Inputs.Skip(1)]);
            changes++;
        }
        return changes;
    }

    // The op whose window holds the padding as well; null where the result could be another.
    private static Op? Folded(Node node, (int Begin, int End)[] amounts, PaddedInput padded) => node.Op switch
    {
        Conv conv when padded.FillValue == 0 && IsFinite(node.Inputs[1]!) => Wider(node, conv.Window, amounts) is { } window ? conv with { Window = window } : null,
        ConvTranspose conv when padded.FillValue == 0 && IsFinite(node.Inputs[1]!) && conv.OutputSizes.Count == 0 => Shortened(conv.Window, amounts) is { } window ? conv with { Window = window } : null,
        AveragePool pool when padded.FillValue == 0 && Wider(node, pool.Window, amounts) is { } window && (pool.CountIncludePad || HasNoOther(window, amounts)) && IsPoolWindow(window, amounts.Length) =>
            pool with { Window = window, CountIncludePad = true },
        MaxPool pool when padded.FillValue <= LowerBound.Of(node.Inputs[0]!) && Wider(node, pool.Window, amounts) is { } window && IsPoolWindow(window, amounts.Length) && EveryWindowHasData(node, window, amounts) => pool with { Window = window },
        _ => null,
    };

    // 0 times a weight that is not finite is not 0.
    private static bool IsFinite(Value weight) => weight.Constant is not { } constant || !constant.DataType.IsFloat() || Reals.Of(constant).All(double.IsFinite);

    private static WindowAttributes? Wider(Node node, WindowAttributes window, (int Begin, int End)[] amounts)
    {
        if (window.AutoPad is AutoPad.SameUpper or AutoPad.SameLower)
        {
            // What SAME adds depends on the size of the padded input.
            if (!node.Inputs[0]!.Type.IsStatic || Kernel(node, window) is not { } kernel) return null;
            var axes = window.Resolve(Spatial(node), kernel);
            window = window with { Pads = [.. axes.Select(axis => axis.PadBegin), .. axes.Select(axis => axis.PadEnd)] };
        }
        var pads = window.AutoPad == AutoPad.Valid ? new int[2 * amounts.Length] : PadsOf(window, amounts.Length);
        var wider = window with { AutoPad = AutoPad.NotSet, Pads = Sum(pads, amounts, 1) };
        // Whether a last, incomplete window counts depends on where the input itself ends, and padding of the window comes after that.
        return window.CeilMode && amounts.Any(axis => axis.End > 0) && !HasSameSizes(node, wider, amounts) ? null : wider;
    }

    // A transposed convolution's padding takes elements of the result away, and zeros before it add a stride of them each.
    private static WindowAttributes? Shortened(WindowAttributes window, (int Begin, int End)[] amounts)
    {
        if (window.AutoPad != AutoPad.NotSet) return null;
        var strides = amounts.Select((_, axis) => axis < window.Strides.Count ? window.Strides[axis] : 1).ToArray();
        var shortened = Sum(PadsOf(window, amounts.Length), [.. amounts.Select((axis, i) => (axis.Begin * strides[i], axis.End * strides[i]))], -1);
        return shortened.All(pad => pad >= 0) ? window with { Pads = shortened } : null;
    }

    private static ValueList<int> Sum(int[] pads, (int Begin, int End)[] amounts, int sign) =>
        [.. amounts.Select((axis, i) => checked(pads[i] + sign * axis.Begin)), .. amounts.Select((axis, i) => checked(pads[amounts.Length + i] + sign * axis.End))];

    // Whether all of a window's padding comes from the Pad: an average that does not count its own padding counts what was there before.
    private static bool HasNoOther(WindowAttributes window, (int Begin, int End)[] amounts) => window.Pads.SequenceEqual([.. amounts.Select(axis => axis.Begin), .. amounts.Select(axis => axis.End)]);

    private static int[] PadsOf(WindowAttributes window, int axes) => window.Pads.Count > 0 ? [.. window.Pads] : new int[2 * axes];

    // Pooling allows no padding that is as long as the window.
    private static bool IsPoolWindow(WindowAttributes window, int axes) => window.Pads.Index().All(pad => pad.Item < Extent(window, pad.Index % axes));

    private static int Extent(WindowAttributes window, int axis) => (window.KernelShape[axis] - 1) * (window.Dilations.Count > 0 ? window.Dilations[axis] : 1) + 1;

    // A window over padding alone has the padding as its largest element, or none.
    private static bool EveryWindowHasData(Node node, WindowAttributes window, (int Begin, int End)[] amounts)
    {
        if (window.Dilations.Count == 0 && !window.CeilMode) return true;
        if (!node.Inputs[0]!.Type.IsStatic) return false;
        return window.Resolve(Unpadded(node, amounts), window.KernelShape.Span).All(axis =>
            Enumerable.Range(0, axis.Output).All(output => Enumerable.Range(0, axis.Kernel).Any(tap => axis.InputAt(output, tap) is var at && at >= 0 && at < axis.Input)));
    }

    private static bool HasSameSizes(Node node, WindowAttributes wider, (int Begin, int End)[] amounts) =>
        node.Inputs[0]!.Type.IsStatic && Kernel(node, wider) is { } kernel && wider.Resolve(Unpadded(node, amounts), kernel).Select(axis => axis.Output).SequenceEqual(node.Output.Type.Dims.Skip(2).Select(dim => dim.Size));

    private static int[]? Kernel(Node node, WindowAttributes window) =>
        node.Op is not Conv ? [.. window.KernelShape] : node.Inputs[1]!.Type.IsStatic ? [.. node.Inputs[1]!.Type.Dims.Skip(2).Select(dim => dim.Size)] : null;

    private static int[] Spatial(Node node) => [.. node.Inputs[0]!.Type.Dims.Skip(2).Select(dim => dim.Size)];

    private static int[] Unpadded(Node node, (int Begin, int End)[] amounts) => [.. Spatial(node).Select((size, axis) => size - amounts[axis].Begin - amounts[axis].End)];
}
