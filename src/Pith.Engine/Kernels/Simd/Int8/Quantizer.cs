using System.Runtime.CompilerServices;
using Pith.Building;

namespace Pith.Kernels.Int8;

/// <summary>QuantizeLinear on vectors, with its constants in registers: round(x / scale) + zero point, stored. The bits are those of <see cref="Int8Arithmetic.Quantize"/>.</summary>
internal readonly unsafe struct Quantizer<T> where T : struct, ILanes<T>
{
    private readonly T _scale;
    private readonly T _high;
    private readonly T _low;

    // The range within which nothing saturates: of the quotient, or, where division is quick and could overflow beyond, of the dividend. A bound divided by the scale rounds to what it was made from.
    private readonly T _lowest;
    private readonly T _highest;

    public Quantizer(Quantization to)
    {
        var division = QuickDivision.Of(to.Scale);
        IsQuick = division.IsAllowed;
        ZeroPoint = to.StoredZeroPoint;
        var unit = IsQuick ? to.Scale : 1;
        _scale = T.Broadcast(to.Scale);
        (_high, _low) = (T.Broadcast(division.High), T.Broadcast(division.Low));
        _lowest = T.Broadcast(-ZeroPoint * unit);
        _highest = T.Broadcast((255 - ZeroPoint) * unit);
    }

    /// <summary>What <see cref="Steps"/> is told: whether division can be quick.</summary>
    public bool IsQuick { get; }

    /// <summary>Stored.</summary>
    public int ZeroPoint { get; }

    /// <summary>x in steps of the scale, saturated, still to be rounded and the zero point to be added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Steps(T x, bool isQuick) => isQuick
        ? T.DivideQuickly(T.AtMost(T.AtLeast(x, _lowest), _highest), _scale, _high, _low)
        : T.AtMost(T.AtLeast(x / _scale, _lowest), _highest);

    /// <summary>Stores <see cref="ILanes{T}.Count"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T x, byte* q) => T.StoreBytes(q, Steps(x, IsQuick), ZeroPoint);
}
