using CsCheck;
using Pith.Kernels;

namespace Pith.Fuzz.Differential;

/// <summary>What numbers a network works on.</summary>
internal enum NumberKind
{
    /// <summary>Small multiples of powers of two, so that sums are exact and every path must give the same bits.</summary>
    Exact,

    /// <summary>Ordinary floats around 0.</summary>
    Real,

    /// <summary>Ordinary floats with zeros of both signs, denormal, huge and non-finite numbers among them.</summary>
    Extreme,
}

/// <summary>The shape of a network's input without its batch.</summary>
internal enum InputKind
{
    Image,
    Bytes,
    Volume,
    Signal,
    Sequence,
    Flat,
}

/// <summary>What a random network starts from and how it is run.</summary>
/// <param name="Input">The shape of its input.</param>
/// <param name="Numbers">What inputs and weights are like.</param>
/// <param name="Symbolic">Whether the batch is a symbol.</param>
/// <param name="MaxBatch">The batch that engines are built for.</param>
/// <param name="Batches">The batches that are run, when it is a symbol, in this order.</param>
/// <param name="Threads">Threads of the engine.</param>
/// <param name="Isa">The instruction set that kernels may use.</param>
/// <param name="Seed">Decides sizes and inputs.</param>
internal sealed record NetworkSettings(InputKind Input, NumberKind Numbers, bool Symbolic, int MaxBatch, IReadOnlyList<int> Batches, int Threads, CpuFeatures Isa, uint Seed)
{
    private static readonly CpuFeatures[] s_levels = [.. TestKit.TestDevice.Levels];

    private static readonly Gen<InputKind> s_input = Gen.Frequency((6, InputKind.Image), (1, InputKind.Bytes), (1, InputKind.Volume), (1, InputKind.Signal), (2, InputKind.Sequence), (2, InputKind.Flat));
    private static readonly Gen<NumberKind> s_numbers = Gen.Frequency((4, NumberKind.Exact), (4, NumberKind.Real), (1, NumberKind.Extreme));

    public static Gen<NetworkSettings> Any { get; } =
        from input in s_input
        from numbers in s_numbers
        from symbolic in Gen.Bool
        from batch in Gen.Int[1, 5]
        from batches in Gen.Int[1, batch].Array[1, 3]
        from threads in Gen.Int[1, 3]
        from isa in Gen.OneOf(s_levels)
        from seed in Gen.UInt
        select new NetworkSettings(input, numbers, symbolic, batch, symbolic ? batches : [batch], threads, isa, seed);
}
