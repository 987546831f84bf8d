namespace Pith.Compression.Training;

/// <summary>
/// What the operands of the products of training are rounded to (Micikevicius et al., "Mixed precision training", 2018; Kalamkar et al., "A study of BFLOAT16 for deep learning training", 2019). Weights, activations in memory, sums,
/// batch norm, loss and optimiser are float32 in any case.
/// </summary>
public enum TrainingPrecision
{
    /// <summary><see cref="Bf16"/> where the CPU multiplies bfloat16 at least 1.5 times as fast as float32, else <see cref="Fp32"/>. A resumed run keeps what it was started with.</summary>
    Auto,

    /// <summary>Nothing is rounded.</summary>
    Fp32,

    /// <summary>Operands of convolutions and matrix products are rounded to bfloat16, forward and backward, where the engine has kernels for it that are expected to be faster. Needs AVX512-BF16 or AMX-BF16.</summary>
    Bf16,
}
