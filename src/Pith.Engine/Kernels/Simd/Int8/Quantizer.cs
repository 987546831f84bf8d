using System.Runtime.CompilerServices;
using Pith.Building;

namespace Pith.Kernels.Int8;

/// <summary>QuantizeLinear on vectors, with its constants in registers: round(x / scale) + zero point, stored. The bits are those of <see cref="Int8Arithmetic.Quantize"/>.</summary>
internal readonly unsafe struct Quantizer<T> where T : struct, ILanes<T>
{
    // Values beyond so many steps saturate whatever they are; within, quick division is exact enough and nothing overflows.
    private const float SaturatedSteps = 1024;

    private readonly T _scale;
    private readonly T _reciprocal;
    private readonly T _lowestReal;
    private readonly T _highestReal;
    private readonly T _lowest;
    private readonly T _highest;
    private readonly int _zeroPoint;
    private readonly bool _isQuick;

    public Quantizer(Quantization to)
    {
        var reciprocal = QuickDivision.Reciprocal(to.Scale);
        _isQuick = reciprocal != 0;
        _zeroPoint = to.StoredZeroPoint;
        _scale = T.Broadcast(to.Scale);
        _reciprocal = T.Broadcast(reciprocal);
        _lowestReal = T.Broadcast(-SaturatedSteps * to.Scale);
        _highestReal = T.Broadcast(SaturatedSteps * to.Scale);
        _lowest = T.Broadcast(-_zeroPoint);
        _highest = T.Broadcast(255 - _zeroPoint);
    }

    /// <summary>Stores <see cref="ILanes{T}.Count"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T x, byte* q)
    {
        var value = _isQuick ? T.DivideQuickly(T.AtMost(T.AtLeast(x, _lowestReal), _highestReal), _scale, _reciprocal) : x / _scale;
        T.StoreBytes(q, T.AtMost(T.AtLeast(value, _lowest), _highest), _zeroPoint);
    }
}
