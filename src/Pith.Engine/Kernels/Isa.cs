using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Pith.Platform;

namespace Pith.Kernels;

/// <summary>What this CPU offers and what the process may use of it.</summary>
/// <remarks>
/// Features come from CPUID bits and the like, never from a model name. <c>PITH_MAX_ISA</c>, the name of an <see cref="IsaLevel"/>, takes away what is not in that set, which reproduces on one machine what a
/// weaker one would run.
/// </remarks>
public static class Isa
{
    /// <summary>Name of the environment variable that caps <see cref="Current"/>.</summary>
    public const string CapVariable = "PITH_MAX_ISA";

    // Lazy, so that a wrong name surfaces as itself and not as a TypeInitializationException.
    private static readonly Lazy<CpuFeatures> s_capped = new(Cap);

    /// <summary>Whether the CPU has AMX, whether or not the operating system lets the process use it.</summary>
    internal static bool HasAmx { get; private set; }

    /// <summary>What this CPU has and the operating system offers, whatever the cap. The use of AMX is asked for when a layer may come to use it, and may then be refused.</summary>
    public static CpuFeatures Detected { get; } = Detect();

    /// <summary>What kernels use: <see cref="Detected"/>, without what the cap leaves out when one is set.</summary>
    /// <exception cref="PithException">The first use, when the cap variable holds none of the known names.</exception>
    public static CpuFeatures Current => s_capped.Value;

    private static CpuFeatures Detect()
    {
        if (!X86Base.IsSupported) return Of(AdvSimd.IsSupported, CpuFeatures.Neon) | Of(Dp.IsSupported, CpuFeatures.DotProd);
        HasAmx = Cpuid.HasAmx;
        return Cpuid.Features(UsableVectors(), HasAmx && AmxPermission.IsOffered);
    }

    // The widest vectors that may be used, in bytes. The runtime knows what the system saves and what its settings turn off (DOTNET_EnableAVX512=0); in a program compiled ahead of time it answers only for the instructions
    // that the compiler was told to use, while emitted kernels may use what the system saves.
    private static int UsableVectors()
    {
        if (!RuntimeFeature.IsDynamicCodeCompiled) return SavedRegisters.VectorBytes;
        if (!Avx2.IsSupported || !Fma.IsSupported) return 16;
        return Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512BW.VL.IsSupported ? 64 : 32;
    }

    private static CpuFeatures Of(bool isThere, CpuFeatures features) => isThere ? features : CpuFeatures.None;

    private static CpuFeatures Cap() => Environment.GetEnvironmentVariable(CapVariable) is { Length: > 0 } cap ? Detected & IsaLevel.Parse(cap) : Detected;
}
