using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>
/// Weight gradients of float convolutions by emitted AVX-512 kernels. The weight gradient of a matrix product (a Gemm with a transposed left-hand side) is computed as that of a 1x1 convolution: each row is an image of one pixel.
/// Slices of channels by channels, partial sums that the shape alone decides, added in order.
/// </summary>
/// <param name="products">What the operands are rounded to.</param>
internal abstract class EmittedWeightGradient(FloatProducts products) : Tactic<OpLayer>
{
    protected FloatProducts Products => products;

    public override string Precision(Layer layer) => products.Precision;

    protected sealed override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is not (ConvWeightGradient or Gemm { TransA: true }) ? Verdict.NotFor("ConvWeightGradient and Gemm with a transposed left-hand side")
        : layer.Op is Gemm { TransB: true } or Gemm { Alpha: not 1 } || (layer.Op is Gemm && layer.Inputs.Length > 2 && layer.Inputs[2] is not null) ? Verdict.No("is for plain products of the left-hand side's transpose")
        : layer.Output.DataType != DataType.Float32 ? Verdict.NotFor("float")
        : layer.Output.Shape.IsEmpty ? Verdict.No("needs elements")
        : layer.Op is ConvWeightGradient && layer.Output.Shape.Rank != 4 ? Verdict.NotFor("images")
        : products.Bytes < sizeof(float) && !layer.AllowsBf16 ? Verdict.No("BF16 was not asked for")
        : Refuses(device) is { } unfit ? Verdict.No(unfit)
        : GroupsOf(layer) > 1 && GroupsOf(layer) == layer.Inputs[1]!.Channels ? Verdict.No("is not for depthwise convolutions")
        : Refuses(layer, WindowOf(layer)) is { } reason ? Verdict.No(reason)
        : Verdict.Yes;

    /// <summary>Why the tactic is not for a device; null when it is.</summary>
    protected virtual string? Refuses(Device device) => device.Features.Lack(products.Needs);

    /// <summary>Why the tactic cannot run a layer; null when it can.</summary>
    protected abstract string? Refuses(OpLayer layer, Window window);

    /// <summary>The groups of the forward convolution.</summary>
    internal static int GroupsOf(OpLayer layer) => (layer.Op as ConvWeightGradient)?.Groups ?? 1;

    /// <summary>The window of the forward convolution.</summary>
    protected static Window WindowOf(OpLayer layer)
    {
        if (layer.Op is not ConvWeightGradient op) return Window.Point;
        return Windows.Of(op.Window.Resolve(layer.Inputs[1]!.Shape.FixedFrom(2), op.Window.KernelShape.Span));
    }
}

/// <summary>A built <see cref="EmittedWeightGradient"/>: parts of the pixels and slices of the channels are summed, then the parts are added.</summary>
internal abstract unsafe class WeightGradientLayer : RunnableLayer, IParallelBody
{
    private readonly OpLayer _layer;
    private readonly ParallelBody _reduce;

    protected WeightGradientLayer(OpLayer layer, Window window)
    {
        _layer = layer;
        Window = window;
        Groups = EmittedWeightGradient.GroupsOf(layer);
        var (inputs, outputs) = (layer.Inputs[1]!.Channels / Groups, layer.Inputs[0]!.Channels / Groups);
        Slices = new WeightGradientSlices(inputs, outputs, window.Taps, Groups);
        _reduce = new ParallelBody(ReducePartials);
    }

    public sealed override long ScratchBytes => Math.Max(SumBytes, Slices.ReduceBytes);

    public sealed override long SharedScratchBytes => Slices.Bytes;

    protected Window Window { get; }

    protected int Groups { get; }

    protected WeightGradientSlices Slices { get; }

    /// <summary>Scratch memory of a worker while it sums.</summary>
    protected abstract long SumBytes { get; }

    public sealed override void Run(RunState state)
    {
        state.RunParallel(this, Partials(state) * Slices.Count);
        state.RunParallel(_reduce, Slices.ReduceParts);
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var (partial, slice) = Math.DivRem(part, Slices.Count);
        var (first, end) = WorkSplit.Share(Blocks(Images(state)), partial, Partials(state));
        float* sums = (float*)state.SharedScratch + (nint)part * Slices.SliceFloats;
        Sum(FeatureMaps.Of(_layer.Inputs[1]!, state), FeatureMaps.Of(_layer.Inputs[0]!, state), Slices[slice], (int)first, (int)end, sums, state.Scratch(worker));
    }

    /// <summary>Blocks of the pixels of some images.</summary>
    protected abstract int Blocks(int images);

    /// <summary>Sums over some blocks.</summary>
    /// <param name="x">The input of the forward convolution.</param>
    /// <param name="dy">The gradient of its result.</param>
    /// <param name="slice">The channels.</param>
    /// <param name="first">The first block.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="sums">Receives <see cref="WeightGradientSlices.SliceFloats"/>.</param>
    /// <param name="scratch">Memory of <see cref="SumBytes"/>.</param>
    protected abstract void Sum(in FeatureMap x, in FeatureMap dy, WeightGradientSlice slice, int first, int end, float* sums, byte* scratch);

    private int Images(RunState state) => _layer.Inputs[0]!.Shape.Size(0, state.Batch);

    private int Partials(RunState state) => Math.Clamp(Blocks(Images(state)), 1, Slices.MostPartials);

    private void ReducePartials(RunState state, int part, int worker) =>
        Slices.Reduce((float*)state.SharedScratch, Partials(state), (float*)state.Address(_layer.Output), part, (float*)state.Scratch(worker));
}
