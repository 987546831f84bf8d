using Pith.Building;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>What follows the sums of a float layer, in the form that emitted kernels take.</summary>
internal static unsafe class Fp32Epilogue
{
    public static EpilogueFp32Spec Spec(ContractionLayer layer) => new(layer.Residual is not null, ActivationFp32Emitter.Simplest(layer.Activation), Streams: false);

    /// <summary>The numbers of the activation, and <paramref name="more"/> after them from <see cref="ActivationFp32Emitter.ConstantBytes"/> on.</summary>
    public static byte* Constants(ContractionLayer layer, BuildResources resources, ReadOnlySpan<float> more = default)
    {
        var block = resources.Allocate(ActivationFp32Emitter.ConstantBytes + more.Length * sizeof(float));
        ActivationFp32Emitter.Fill(layer.Activation, block);
        more.CopyTo(new Span<float>(block + ActivationFp32Emitter.ConstantBytes, more.Length));
        return block;
    }
}
