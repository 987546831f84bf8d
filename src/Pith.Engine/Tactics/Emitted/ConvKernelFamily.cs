using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>An instruction set's way to compute a <see cref="ConvKernelSpec"/>: the code, and the packing of weights that it reads.</summary>
internal abstract unsafe class ConvKernelFamily
{
    /// <summary>Bytes of a step of 16 channels.</summary>
    protected const int StepVectorBytes = PanelShape.Lanes * ConvVnniEmitter.StepBytes;

    /// <summary>How tactics and kernels are called after it.</summary>
    public abstract string Name { get; }

    /// <summary>The form of the weights that the kernels read, see <see cref="Tactic.WeightForm"/>.</summary>
    public virtual string WeightForm => TacticVerdict.Dense;

    /// <summary>The pixels of an image that are computed at once; blocks may overlap at its right and lower edge.</summary>
    /// <param name="image">All pixels of an image.</param>
    /// <param name="vectors">Vectors of channels that are computed at once.</param>
    /// <param name="temporaries">Vector registers that what follows needs beside the sums.</param>
    public abstract PixelBlock Block(PixelBlock image, int vectors, int temporaries);

    /// <summary>Vectors of 16 output channels that a panel can have, those that are most often the fastest first.</summary>
    public abstract IReadOnlyList<int> PanelVectors { get; }

    /// <summary>The most that the family's products do; null where another family's are the same.</summary>
    public virtual PeakLoop? PeakLoop => null;

    /// <summary>What the code and the packing use.</summary>
    public abstract CpuFeatures Needs { get; }

    /// <summary>Features with any of which other families do the same faster.</summary>
    public virtual CpuFeatures SurpassedBy => CpuFeatures.None;

    /// <summary>Why the family is not for a device, or null.</summary>
    public string? Refuses(Device device) =>
        device.Features.Lack(Needs) ?? ((device.Features & SurpassedBy) is var better && better != CpuFeatures.None ? $"is for CPUs without {better.Names}" : null);

    /// <summary>Whether the operating system lets the process use the code. It may have to be asked, so this is the last question.</summary>
    public virtual bool IsAllowed => true;

    /// <summary>What is left to ask of a family that has code for a layer: whether the blocking fits, and last whether the system allows it.</summary>
    public Verdict Accepts(ContractionLayer layer, ConvBlocking blocking, Device device) =>
        blocking.Fits(Operands(layer), device.Threads) is { Accepted: false } unfit ? unfit : !IsAllowed ? Verdict.No($"the operating system refuses the use of {Needs.Names}") : Verdict.Yes;

    /// <summary>Why there is no code for a layer of the right numbers, or null.</summary>
    public virtual string? Refuses(ContractionLayer layer) => null;

    /// <summary>Vector registers that the layer's epilogue needs beside the sums, roughly.</summary>
    public virtual int Temporaries(ContractionLayer layer) => layer.Int8 is null ? ActivationFp32Emitter.Temporaries(ActivationFp32Emitter.Simplest(layer.Activation))
        : new EpilogueSpec { Activation = layer.Activation.Kind, Residual = layer.Residual is null ? ResidualKind.None : ResidualKind.Bytes }.Temporaries;

    /// <summary>The layer's operands as the kernels see them.</summary>
    public virtual ConvOperands Operands(ContractionLayer layer) => new(layer, isDepthwise: false);

    /// <summary>Rough cycles for one block on one panel, everything in the first-level cache.</summary>
    public abstract double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction);

    /// <summary>Rough cycles for what is done with a block once for all panels.</summary>
    public virtual double OpenBlockCycles(ReductionShape reduction) => 0;

    /// <summary>The kernels themselves pass all panels over some blocks before the next, whatever the blocking.</summary>
    public virtual bool OrdersBlocks => false;

    /// <summary>Fewer blocks are not worth a pass over the weights.</summary>
    public virtual int LeastBlocks => 1;

    /// <summary>Bytes of one panel's packed weights.</summary>
    public abstract nint WeightBytes(PanelShape panel, ReductionShape reduction);

    /// <summary>Packs one panel into zeroed memory.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="reduction">What each output sums over.</param>
    /// <param name="rows">The weights of each channel of the panel, stored or not, [runs, bytes of a run]; <paramref name="rowBytes"/> from channel to channel.</param>
    /// <param name="rowBytes">At least the reduction's bytes, rounded up to 64; what is beyond is 0.</param>
    /// <param name="packed"><see cref="WeightBytes"/> bytes.</param>
    public abstract void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed);

    /// <summary>Where packed weights of 16 channels of a panel have a step of four bytes of the reduction, [16][4], in bytes from the start of the panel.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="reduction">What each output sums over.</param>
    /// <param name="run">The run.</param>
    /// <param name="at">The step's first byte in the run.</param>
    /// <param name="vector">The vector of channels.</param>
    public virtual nint StepOffset(PanelShape panel, ReductionShape reduction, int run, int at, int vector) =>
        (((nint)run * reduction.RunBytes + at) / ConvVnniEmitter.StepBytes * panel.Vectors + vector) * StepVectorBytes;

    /// <summary>What profiles call a kernel: the way to compute, the types of data, weights and sums, pixels by channels of a block, the elements of the reduction that are summed at once, and the instruction set.</summary>
    public string KernelName(ConvKernelSpec spec)
    {
        var parts = Name.Split('-');
        return $"{(parts.Length > 1 ? parts[0] : "conv")}_{spec.Arithmetic.Types}_{spec.Block.Pixels}x{spec.Panel.Channels}c{ConvVnniEmitter.StepBytes / spec.Arithmetic.OperandBytes}_{parts[^1]}";
    }

    /// <summary>The code.</summary>
    public abstract KernelEmitter Emitter(ConvKernelSpec spec);

    /// <summary>The code that a thread enters or leaves the use of the kernels with; null where there is none.</summary>
    public virtual KernelEmitter? TileState(bool enters) => null;

    /// <summary>Whether results may be stored past the caches: each is stored once, but for the edges of blocks.</summary>
    public virtual bool MayStream => true;

    /// <summary>Output channels that share a 2:4 pattern in the kernels' weights; 0 for dense weights.</summary>
    public virtual int Shared => 0;

    /// <summary>Whether panels have all their vectors whatever channels are stored.</summary>
    public virtual bool HasFullPanels => false;

    /// <summary>See <see cref="ConvKernelSpec.FetchSteps"/>.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="reduction">What each output sums over.</param>
    /// <param name="blocks">How many blocks meet the panel, which share the work.</param>
    public virtual int FetchSteps(PanelShape panel, ReductionShape reduction, int blocks) => 0;

    /// <summary>How far ahead kernels fetch weights into the first-level cache, see <see cref="ConvKernelSpec.FetchAhead"/>.</summary>
    /// <param name="panelBytes">Bytes of a panel's weights.</param>
    public virtual int FetchAhead(nint panelBytes) => 0;

    /// <summary>Scratch memory of a thread.</summary>
    public virtual long ScratchBytes => 0;

    /// <summary>The tile configuration that the thread must have while the kernel runs; empty for kernels without tiles.</summary>
    public virtual byte[] TileConfig(ConvKernelSpec spec) => [];

    /// <summary>Bytes of input and output of blocks that stay in the first-level cache while all panels pass over them.</summary>
    public virtual int CloseBytes => 16 << 10;

    /// <summary>The panel's channel at each lane of each vector.</summary>
    protected static int[] ChannelOrder(PanelShape panel) => [.. Enumerable.Range(0, panel.Capacity).Select(i => panel.Channel(i / PanelShape.Lanes, i % PanelShape.Lanes))];

    /// <summary>Packs for instructions that take four bytes of each channel: [steps of four bytes][channels][4].</summary>
    protected static void PackSteps(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        // Weights are packed at runs, too, which allocate nothing.
        Span<int> channels = stackalloc int[panel.Capacity];
        for (var i = 0; i < channels.Length; i++) channels[i] = panel.Channel(i / PanelShape.Lanes, i % PanelShape.Lanes);
        var to = (uint*)packed;
        for (nint at = 0; at < (nint)reduction.Runs * reduction.RunBytes; at += ConvVnniEmitter.StepBytes)
            foreach (var channel in channels) *to++ = *(uint*)(rows + channel * rowBytes + at);
    }
}
