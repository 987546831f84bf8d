using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>
/// Float convolution and matrix product with constant weights, operands rounded to bfloat16 and sums in floats, where <see cref="EngineOptions.Bf16"/> allows it: the kernels of INT8 layers with
/// another product. Each output is one chain of products over the window, starting at the bias, whatever the blocking, the threads and the batch.
/// </summary>
/// <param name="family">The instruction set.</param>
/// <param name="macsPerSecond">Multiply-accumulates per second and core that layers reach, to be compared with FP32.</param>
/// <param name="blocking">How the work is cut up.</param>
internal sealed class Bf16EmittedConv(ConvKernelFamily family, double macsPerSecond, ConvBlocking blocking) : EmittedConv(family)
{
    // Rounding the input: until all threads are at it, and bytes of the copy per second and core.
    private const double RoundingSeconds = 1e-6, RoundedBytesPerSecond = 12e9;

    private const double BlockingWeight = 1e-3;

    public override string Name { get; } = $"bf16-{family.Name}:{blocking}";

    /// <summary>A tactic for each way to cut the work up.</summary>
    public static IEnumerable<Bf16EmittedConv> All(ConvKernelFamily family, double macsPerSecond) =>
        ConvBlocking.All(family).Select(blocking => new Bf16EmittedConv(family, macsPerSecond, blocking));

    public override string Precision(Layer layer) => "bfloat16";

    protected override Verdict Accept(ContractionLayer layer, Device device)
    {
        if (layer.Int8 is not null) return Verdict.NotFor("float layers");
        if (!layer.AllowsBf16) return Verdict.No("BF16 was not asked for");
        if (Family.Refuses(device) is { } unfit) return Verdict.No(unfit);
        if (layer.Groups > 1) return Verdict.No("is not for grouped convolutions");
        if (!layer.HasConstantWeights) return Verdict.NotFor("constant weights and biases");
        if (!ActivationFp32Emitter.Has(ActivationFp32Emitter.Simplest(layer.Activation))) return Verdict.No($"has no code for {layer.Activation.Kind}");
        if (Family.Refuses(layer) is { } reason) return Verdict.No(reason);
        return Family.Accepts(layer, blocking, device);
    }

    // As rough as that of FP32, which it is compared with: a rate, and no memory but that which FP32 does not read. The blocking's own estimate, which knows more, only decides among blockings.
    protected override double EstimateSeconds(ContractionLayer layer, Device device) =>
        layer.Macs / (macsPerSecond * device.Threads) + RoundingSeconds + layer.Images(1) * (double)Family.Operands(layer).ImageBytes / (RoundedBytesPerSecond * device.Threads) + BlockingWeight * BlockingSeconds(layer, device);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources)
    {
        var operands = Family.Operands(layer);
        var parameters = new FloatConvParameters(layer, operands, new Bf16Images(layer, operands, resources), epilogue => new Bf16ConvArithmetic(epilogue), Family, resources);
        return new EmittedConvLayer(layer, resources, Family, (_, _) => blocking, [(operands, parameters)], BlockingSeconds(layer, resources.Device));
    }

    private double BlockingSeconds(ContractionLayer layer, Device device) => new EmittedConvEstimate(layer, Family, blocking, device.Threads).Seconds;
}
