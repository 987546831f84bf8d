using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>
/// Float convolution and matrix product with constant weights, operands rounded to bfloat16 and sums in floats, where <see cref="EngineOptions.Bf16"/> allows it: the kernels of INT8 layers with
/// another product. Each output is one chain of products over the window, starting at the bias, whatever the blocking, the threads and the batch.
/// </summary>
/// <param name="family">The instruction set.</param>
/// <param name="isa">The level that has its registers.</param>
/// <param name="blocking">How the work is cut up.</param>
internal sealed class Bf16EmittedConv(ConvKernelFamily family, IsaLevel isa, ConvBlocking blocking) : Tactic<ContractionLayer>
{
    // Rounding the input to its copy: bytes of floats per second and core.
    private const double RoundedBytesPerSecond = 25e9;

    public override string Name => $"bf16-{family.Name}:{blocking}";

    /// <summary>A tactic for each way to cut the work up, panels of the first of <paramref name="vectors"/> first.</summary>
    public static IEnumerable<Bf16EmittedConv> All(ConvKernelFamily family, IsaLevel isa, int[] vectors) => ConvBlocking.All(vectors).Select(blocking => new Bf16EmittedConv(family, isa, blocking));

    public override string Precision(Layer layer) => "bfloat16";

    protected override Verdict Accept(ContractionLayer layer, Device device)
    {
        if (layer.Int8 is not null) return Verdict.No("is for float layers");
        if (!layer.AllowsBf16) return Verdict.No("BF16 was not asked for");
        if (device.Isa < isa) return Verdict.No($"needs {isa}");
        if (family.Refuses(device) is { } unfit) return Verdict.No(unfit);
        if (layer.Groups > 1) return Verdict.No("is not for grouped convolutions");
        if (!layer.HasConstantWeights) return Verdict.No("is for constant weights and biases");
        if (!ActivationFp32Emitter.Has(ActivationFp32Emitter.Simplest(layer.Activation))) return Verdict.No($"has no code for {layer.Activation.Kind}");
        if (family.Refuses(layer) is { } reason) return Verdict.No(reason);
        return blocking.Fits(family.Operands(layer), device.Threads);
    }

    protected override double EstimateSeconds(ContractionLayer layer, Device device) =>
        new EmittedConvEstimate(layer, family, blocking, device.Threads).Seconds + layer.Input.Bytes(1) / (RoundedBytesPerSecond * device.Threads);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources)
    {
        var operands = family.Operands(layer);
        return new EmittedConvLayer(layer, resources, family, blocking, operands, new Bf16ConvParameters(layer, operands, resources), EstimateSeconds(layer, resources.Device));
    }
}
