namespace Pith.Kernels.Simd;

/// <summary>An axis of a tensor that is copied: its size, and the bytes from index to index where it comes from and where it goes.</summary>
internal readonly record struct StridedAxis(nint Size, nint From, nint To);

/// <summary>
/// Copies a tensor between memories in which its axes lie in any order and apart: transposes and slices. Axes that stay neighbours are taken as one. What stays together is copied as a block, or
/// as one element if it is as small as one; if another axis than the last is the dense one of the source, these two are transposed. The work is a number of independent units, each some rows of the
/// result.
/// </summary>
internal readonly unsafe ref struct StridedCopy
{
    // Rows and bytes of rows of a unit of a transpose, and bytes of a unit of blocks.
    private const int UnitRows = 256, UnitRowBytes = 64, UnitBlockBytes = 16384;

    // All axes but those of rows and columns, outermost first.
    private readonly ReadOnlySpan<StridedAxis> _outer;

    // Rows of the source; columns are one block unless it is a transpose.
    private readonly StridedAxis _rows;
    private readonly StridedAxis _columns;
    private readonly nint _block;
    private readonly nint _unitRows;
    private readonly nint _unitColumns;
    private readonly bool _isTranspose;

    /// <param name="axes">The axes, the one along which the result's elements lie closest last; overwritten.</param>
    /// <param name="elementBytes">1, 2, 4 or 8.</param>
    public StridedCopy(Span<StridedAxis> axes, int elementBytes)
    {
        var count = Merge(axes);
        _block = elementBytes;
        _rows = _columns = new StridedAxis(1, 0, 0);
        Bytes = elementBytes;
        foreach (var axis in axes[..count]) Bytes *= axis.Size;
        if (count > 0 && axes[count - 1].From == elementBytes && axes[count - 1].To == elementBytes) _block *= axes[--count].Size;
        var dense = -1;
        if (_block is 1 or 2 or 4 or 8 && count > 0 && axes[count - 1].To == _block)
            for (var i = 0; i < count - 1; i++)
                if (axes[i].From == _block) dense = i;
        _isTranspose = dense >= 0;
        if (count > 0) _rows = axes[--count];
        if (_isTranspose)
        {
            _columns = axes[dense];
            axes[(dense + 1)..count].CopyTo(axes[dense..]);
            count--;
        }
        _outer = axes[..count];
        _unitRows = _isTranspose ? UnitRows : nint.Max(1, UnitBlockBytes / nint.Max(1, _block));
        _unitColumns = _isTranspose ? UnitRowBytes / _block : 1;
        Units = Bytes == 0 ? 0 : UnitsOf(_rows.Size, _unitRows) * UnitsOf(_columns.Size, _unitColumns);
        foreach (var axis in _outer) Units *= axis.Size;
    }

    /// <summary>Bytes that are copied.</summary>
    public nint Bytes { get; }

    /// <summary>Independent units of work.</summary>
    public nint Units { get; }

    /// <summary>Copies units [<paramref name="begin"/>, <paramref name="end"/>).</summary>
    public void Run(byte* from, byte* to, nint begin, nint end)
    {
        var (rowUnits, columnUnits) = (UnitsOf(_rows.Size, _unitRows), UnitsOf(_columns.Size, _unitColumns));
        for (var unit = begin; unit < end; unit++)
        {
            var (rest, column) = Math.DivRem(unit, columnUnits);
            (rest, var row) = Math.DivRem(rest, rowUnits);
            (row, column) = (row * _unitRows, column * _unitColumns);
            var source = from + row * _rows.From + column * _columns.From;
            var target = to + row * _rows.To + column * _columns.To;
            for (var i = _outer.Length - 1; i >= 0; i--)
            {
                (rest, var index) = Math.DivRem(rest, _outer[i].Size);
                source += index * _outer[i].From;
                target += index * _outer[i].To;
            }
            RunUnit(source, target, nint.Min(_unitRows, _rows.Size - row), nint.Min(_unitColumns, _columns.Size - column));
        }
    }

    private void RunUnit(byte* from, byte* to, nint rows, nint columns)
    {
        if (!_isTranspose) BlockCopy.Run(from, _rows.From, to, _rows.To, _block, rows);
        else switch (_block)
        {
            case 1: TransposedCopy.Run<byte>(from, _rows.From, to, _columns.To, rows, columns); break;
            case 2: TransposedCopy.Run<ushort>(from, _rows.From, to, _columns.To, rows, columns); break;
            case 4: TransposedCopy.Run<uint>(from, _rows.From, to, _columns.To, rows, columns); break;
            default: TransposedCopy.Run<ulong>(from, _rows.From, to, _columns.To, rows, columns); break;
        }
    }

    // Drops axes of one element and joins neighbours that are one axis on both sides; returns how many are left.
    private static int Merge(Span<StridedAxis> axes)
    {
        var count = 0;
        foreach (var axis in axes)
        {
            if (axis.Size == 1) continue;
            if (count > 0 && axes[count - 1] is var outer && outer.From == axis.Size * axis.From && outer.To == axis.Size * axis.To) axes[count - 1] = axis with { Size = outer.Size * axis.Size };
            else axes[count++] = axis;
        }
        return count;
    }

    private static nint UnitsOf(nint size, nint unit) => (size + unit - 1) / unit;
}
