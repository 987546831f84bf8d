using Pith.Building;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>
/// Float convolution and matrix product whose weights are computed (training: forward pass and gradients with respect to inputs), operands rounded to bfloat16 and sums in floats, where <see cref="EngineOptions.Bf16"/> allows it.
/// Images are rounded as they are copied, weights as they are packed, at each run. Bits do not depend on blocking, threads and batch, and neither does the choice of the tactic.
/// </summary>
/// <param name="family">The instruction set.</param>
/// <param name="macsPerSecond">Multiply-accumulates per second of one thread, to be compared with those of the other tactics for computed weights.</param>
internal sealed class Bf16ComputedConv(ConvKernelFamily family, double macsPerSecond) : EmittedConv(family)
{
    // Of the rounded copies, written and read.
    private const double RoundedBytesPerSecond = 5e9;

    /// <summary>The convolution and the strided input gradient that is made of it.</summary>
    public static IEnumerable<Tactic> All(ConvKernelFamily family, double macsPerSecond)
    {
        var convolution = new Bf16ComputedConv(family, macsPerSecond);
        return [convolution, new Bf16ConvInputGradient(convolution)];
    }

    public override string Name { get; } = $"bf16-{family.Name}";

    public override string Precision(Layer layer) => "bfloat16";

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        layer.Int8 is not null ? Verdict.NotFor("float layers")
        : !layer.AllowsBf16 ? Verdict.No("BF16 was not asked for")
        : layer.HasConstantWeights ? Verdict.NotFor("computed weights and biases")
        : Family.Refuses(device) is { } unfit ? Verdict.No(unfit)
        : layer.IsLiteral && !layer.TurnsWeights ? Verdict.No("is not for simulated quantization, whose sums are exact")
        : layer.Groups > 1 ? Verdict.No("is not for grouped convolutions")
        : !ActivationFp32Emitter.Has(ActivationFp32Emitter.Simplest(layer.Activation)) ? Verdict.No($"has no code for {layer.Activation.Kind}")
        : Family.Refuses(layer) is { } reason ? Verdict.No(reason)
        : !Family.IsAllowed ? Verdict.No($"the operating system refuses the use of {Family.Needs.Names}")
        : Verdict.Yes;

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => PhasesSeconds([layer]);

    /// <summary>The same for phases, which read the same copies of images.</summary>
    public double PhasesSeconds(ContractionLayer[] phases)
    {
        var pixels = phases[0].Images(1) * (double)Family.Operands(phases[0]).ImageBytes;
        return phases.Sum(ProductSeconds) + pixels / RoundedBytesPerSecond;
    }

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => Build([layer], resources);

    /// <summary>One layer for the phases of an input gradient.</summary>
    /// <param name="phases">The phases, the one that takes longest first.</param>
    /// <param name="resources">What the layer is built with.</param>
    public EmittedConvLayer Build(ContractionLayer[] phases, BuildResources resources)
    {
        var blocking = new FloatBlocking(phases[0], Family, resources.MaxBatch);
        return new EmittedConvLayer(phases[0], resources, Family, blocking.At, Array.ConvertAll(phases, Numbers), PhasesSeconds(phases));

        (ConvOperands, ConvParameters) Numbers(ContractionLayer phase)
        {
            var operands = Family.Operands(phase);
            return (operands, new FloatConvParameters(phase, operands, new Bf16Images(phase, operands, resources), epilogue => new Bf16ConvArithmetic(epilogue), Family, resources));
        }
    }

    // The products that the kernels do, those with padding channels too.
    private double ProductSeconds(ContractionLayer layer)
    {
        var operands = Family.Operands(layer);
        return layer.Images(1) * (double)operands.Image.Pixels * layer.OutChannels * operands.Reduction.Runs * operands.Reduction.RunBytes / sizeof(ushort) / macsPerSecond;
    }
}
