using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Pith.Kernels.Jit.KernelEmitter;

namespace Pith.Kernels.Jit;

/// <summary>Emits the transforms of <see cref="WinogradPoints"/> along one axis, for 16 channels in each register, with fused multiply-adds.</summary>
/// <param name="asm">The assembler.</param>
/// <param name="points">The points.</param>
/// <param name="coefficients">Holds an address.</param>
/// <param name="offset">Bytes from there to the <see cref="WinogradPoints.Coefficients"/>.</param>
internal sealed class WinogradTransformEmitter(Assembler asm, WinogradPoints points, AssemblerRegister64 coefficients, int offset)
{
    /// <summary>Registers that <see cref="AtPairs"/> overwrites besides those of the inputs.</summary>
    public const int PairTemporaries = 3;

    private int Last => points.Size - 1;

    /// <summary>B' at 0: replaces the first input. Reads those with even indices.</summary>
    /// <param name="x">Registers of the inputs.</param>
    public void AtZero(ReadOnlySpan<int> x)
    {
        asm.vfmadd132ps(Zmm(x[0]), Zmm(x[Last - 1]), Number(points.Even(0)));
        for (var i = 1; i < points.Pairs; i++) asm.vfmadd231ps(Zmm(x[0]), Zmm(x[2 * i]), Number(points.Even(i)));
    }

    /// <summary>B' at infinity: replaces the last input. Reads those with odd indices.</summary>
    /// <param name="x">Registers of the inputs.</param>
    public void AtInfinity(ReadOnlySpan<int> x)
    {
        for (var i = 0; i < points.Pairs; i++) asm.vfmadd231ps(Zmm(x[Last]), Zmm(x[2 * i + 1]), Number(points.Even(i)));
    }

    /// <summary>B' at the pairs of points. Overwrites the inputs.</summary>
    /// <param name="x">Registers of the inputs; the first and the last are not read.</param>
    /// <param name="free">Registers that may be overwritten: <see cref="PairTemporaries"/>.</param>
    /// <returns>The registers of the results, in the order of positions.</returns>
    public int[] AtPairs(ReadOnlySpan<int> x, ReadOnlySpan<int> free)
    {
        var (odd, even) = (x[Last - 2], x[Last - 1]);
        if (points.Pairs == 1) return [PlusMinus(even, odd, free[0], 0), even];
        // The other pair's factor x^2 - p^2 is on either part.
        asm.vmovaps(Zmm(free[0]), Zmm(even));
        asm.vmovaps(Zmm(free[1]), Zmm(odd));
        Times(free[0], free[1], x[2], x[1], 1);
        var first = PlusMinus(free[0], free[1], free[2], 0);
        Times(even, odd, x[2], x[1], 0);
        return [first, free[0], PlusMinus(even, odd, free[1], 1), even];

        void Times(int evenPart, int oddPart, int square, int linear, int pair)
        {
            asm.vfmadd231ps(Zmm(evenPart), Zmm(square), Number(points.MinusSquare(pair)));
            asm.vfmadd231ps(Zmm(oddPart), Zmm(linear), Number(points.MinusSquare(pair)));
        }
    }

    /// <summary>A'. Overwrites the sums.</summary>
    /// <param name="x">Registers of the sums at all positions.</param>
    /// <param name="free">Two registers that may be overwritten.</param>
    /// <returns>The registers of the outputs, and those that are free then.</returns>
    public (int[] Outputs, int[] Free) Outputs(ReadOnlySpan<int> x, ReadOnlySpan<int> free)
    {
        var unused = new Stack<int>(free.ToArray());
        var (sums, differences) = (new int[points.Pairs], new int[points.Pairs]);
        for (var pair = 0; pair < points.Pairs; pair++)
        {
            var (plus, minus) = (x[1 + 2 * pair], x[2 + 2 * pair]);
            (sums[pair], differences[pair]) = (plus, unused.Pop());
            asm.vsubps(Zmm(differences[pair]), Zmm(plus), Zmm(minus));
            asm.vaddps(Zmm(plus), Zmm(plus), Zmm(minus));
            unused.Push(minus);
        }
        var outputs = new int[points.Outputs];
        outputs[0] = x[0];
        foreach (var sum in sums) asm.vaddps(Zmm(x[0]), Zmm(x[0]), Zmm(sum));
        for (var power = 1; power < points.Outputs - 1; power++)
        {
            outputs[power] = unused.Pop();
            var parts = power % 2 == 0 ? sums : differences;
            asm.vmulps(Zmm(outputs[power]), Zmm(parts[0]), Number(points.Power(0, power)));
            for (var pair = 1; pair < parts.Length; pair++) asm.vfmadd231ps(Zmm(outputs[power]), Zmm(parts[pair]), Number(points.Power(pair, power)));
        }
        outputs[^1] = x[Last];
        for (var pair = 0; pair < points.Pairs; pair++) asm.vfmadd231ps(Zmm(x[Last]), Zmm(differences[pair]), Number(points.Power(pair, points.Outputs - 1)));
        return (outputs, [.. unused, .. sums, .. differences]);
    }

    /// <summary>A: the values of the polynomial whose coefficients are the inputs, at all points. Overwrites the inputs.</summary>
    /// <param name="x">Registers of the inputs, as many as there are <see cref="WinogradPoints.Outputs"/>.</param>
    /// <param name="free">Registers that may be overwritten; what is free afterwards is returned to it.</param>
    /// <returns>The registers of the results, in the order of positions.</returns>
    public int[] AtPoints(ReadOnlySpan<int> x, Stack<int> free)
    {
        var results = new int[points.Size];
        (results[0], results[^1]) = (x[0], x[^1]);
        for (var pair = 0; pair < points.Pairs; pair++)
        {
            // Even and odd powers apart, both in powers of the square.
            var (even, odd) = (free.Pop(), free.Pop());
            asm.vmovaps(Zmm(even), Zmm(x[0]));
            asm.vmovaps(Zmm(odd), Zmm(x[1]));
            if (points.Pairs > 1)
            {
                asm.vfmadd231ps(Zmm(even), Zmm(x[2]), Number(points.Power(pair, 2)));
                asm.vfmadd231ps(Zmm(odd), Zmm(x[3]), Number(points.Power(pair, 2)));
            }
            results[1 + 2 * pair] = PlusMinus(even, odd, free.Peek(), pair);
            free.Pop();
            results[2 + 2 * pair] = even;
            free.Push(odd);
        }
        foreach (var register in x[1..^1]) free.Push(register);
        return results;
    }

    // even + p odd to another register, which is returned; even - p odd in place.
    private int PlusMinus(int even, int odd, int plus, int pair)
    {
        asm.vmovaps(Zmm(plus), Zmm(even));
        asm.vfmadd231ps(Zmm(plus), Zmm(odd), Number(points.Power(pair, 1)));
        asm.vfnmadd231ps(Zmm(even), Zmm(odd), Number(points.Power(pair, 1)));
        return plus;
    }

    private AssemblerMemoryOperand Number(float coefficient) => __dword_bcst[coefficients + (offset + points.IndexOf(coefficient) * sizeof(float))];
}
