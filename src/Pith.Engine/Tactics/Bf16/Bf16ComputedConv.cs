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

    protected override double EstimateSeconds(ContractionLayer layer, Device device)
    {
        var operands = Family.Operands(layer);
        var (pixels, weights) = (layer.Images(1) * (double)operands.ImageBytes, (double)operands.Image.Pixels * layer.OutChannels * operands.Reduction.Runs * operands.Reduction.RunBytes / sizeof(ushort));
        return weights * layer.Images(1) / macsPerSecond + pixels / RoundedBytesPerSecond;
    }

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources)
    {
        var operands = Family.Operands(layer);
        var parameters = new FloatConvParameters(layer, operands, new Bf16Images(layer, operands, resources), epilogue => new Bf16ConvArithmetic(epilogue), Family, resources);
        return new EmittedConvLayer(layer, resources, Family, new FloatBlocking(layer, Family, resources.MaxBatch).At, operands, parameters, EstimateSeconds(layer, resources.Device));
    }
}
