using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>What the operands of float products are rounded to, and the AVX-512 kernels for it: the same loops with another instruction.</summary>
/// <param name="Family">The convolution kernels.</param>
/// <param name="Arithmetic">The products alone.</param>
internal sealed record FloatProducts(ConvKernelFamily Family, FloatConvArithmetic Arithmetic)
{
    private static readonly EpilogueFp32Spec s_none = new(HasResidual: false, ActivationKind.None, Streams: false);

    /// <summary>Operands as they are.</summary>
    public static FloatProducts Fp32 { get; } = new(new Fp32Kernels(), new Fp32ConvArithmetic(s_none));

    /// <summary>Operands rounded to bfloat16: a product takes two neighbours along the reduction.</summary>
    public static FloatProducts Bf16 { get; } = new(new Bf16VectorKernels(), new Bf16ConvArithmetic(s_none));

    public CpuFeatures Needs => Family.Needs;

    /// <summary>Why transforms of images are not worth it on a device that has tiles, which multiply many times as fast; null where they are.</summary>
    public string? SurpassedOn(Device device) => Bytes < sizeof(float) && device.Features.Include(CpuFeatures.AmxBf16) ? $"is for CPUs without {CpuFeatures.AmxBf16.Names}" : null;

    /// <summary>Bytes of an operand.</summary>
    public int Bytes => Arithmetic.OperandBytes;

    /// <summary>Neighbours along the reduction that a product takes.</summary>
    public int Step => ConvVnniEmitter.StepBytes / Bytes;

    /// <summary>Bytes of an operand of 16 channels, or of pixels, in memory.</summary>
    public int VectorBytes => PanelShape.Lanes * Bytes;

    /// <summary>The name that tactics begin with.</summary>
    public string Name => Bytes == sizeof(float) ? "fp32" : "bf16";

    /// <summary>The type that the arithmetic is done in, as reports name it.</summary>
    public string Precision => Bytes == sizeof(float) ? "float32" : "bfloat16";

    /// <summary>The name of a kernel that makes operands.</summary>
    public string KernelName(string kernel) => $"{kernel}_{(Bytes == sizeof(float) ? "f32" : "bf16")}_{Family.Name}";
}
