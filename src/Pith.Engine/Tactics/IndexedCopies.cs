using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>
/// Pad in all modes and Resize to the nearest neighbour, of any type and in any layout: along each axis a table says which index of the operand an index of the result is a copy of.
/// </summary>
internal sealed unsafe class IndexedCopies : Tactic<OpLayer>
{
    public override string Name => "indexed-copy";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        if (layer.Op is not (Pad or Resize { Mode: ResizeMode.Nearest })) return Verdict.NotFor("Pad and for Resize to the nearest neighbour");
        if (layer.Inputs[0]!.IsQuantized != layer.Output.IsQuantized || layer.Inputs[0]!.Layout != layer.Output.Layout) return Verdict.No("does not change the layout");
        if (layer.Output.Shape.IsEmpty || layer.Output.Shape.Rank == 0) return Verdict.No("has no elements");
        return Tables(layer) is not null ? Verdict.Yes : Verdict.No("needs constant operands and fixed sizes of the axes that change");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, Tables(layer)!, Fill(layer));

    // For each axis, where its indices come from, -1 for the constant of Pad; null for an axis that stays as it is.
    private static int[]?[]? Tables(OpLayer layer)
    {
        var shape = layer.Inputs[0]!.Shape;
        if (layer.Inputs.Skip(1).Any(operand => operand is { Constant: null })) return null;
        var tables = new int[shape.Rank][];
        if (layer.Op is Pad pad)
        {
            var amounts = layer.Inputs[1]!.Constant!;
            // The size of an axis that stays as it is does not matter, and may grow.
            for (var axis = 0; axis < tables.Length; axis++)
                if (pad.Changes(amounts, tables.Length, axis)) tables[axis] = pad.Sources(amounts, tables.Length, axis, shape[axis].Fixed);
            return tables;
        }
        var operands = layer.Inputs.Select(input => input?.Constant).ToArray();
        foreach (var (axis, taps) in ((Resize)layer.Op).TapsOf(shape.At(1), operands))
        {
            if (shape[axis].Grows || taps.Contains(null)) return null;
            tables[axis] = Array.ConvertAll(taps, tap => tap![0].Input);
        }
        return tables;
    }

    // The bytes of the constant of Pad as the result stores it; empty for 0.
    private static byte[] Fill(OpLayer layer)
    {
        if (layer.Op is not Pad) return [];
        var value = layer.Inputs.ElementAtOrDefault(2)?.Constant is { Length: 1 } constant ? constant.Bytes.ToArray() : new byte[layer.Output.DataType.SizeInBytes()];
        if (layer.Output.IsQuantized && layer.Output.DataType == DataType.Int8) value[0] ^= 0x80;
        return value;
    }

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private const long BytesPerPart = 32768;

        private readonly Slot _input;
        private readonly Slot _output;
        private readonly byte[] _fill;

        // Axes in physical order, the last of which makes a row. What lies inside of it stays together.
        private readonly int[] _axes;
        private readonly int[]?[] _tables;
        private readonly long _blockBytes;
        private readonly Stretch[] _runs;
        private readonly bool _isByElement;

        // Consecutive indices of a row that are copied from consecutive ones, or filled (from -1).
        private readonly record struct Stretch(int To, int From, int Count);

        public Runnable(OpLayer layer, int[]?[] tables, byte[] fill)
        {
            (_input, _output, _tables, _fill) = (layer.Inputs[0]!, layer.Output, tables, fill);
            var rank = _output.Shape.Rank;
            var order = _output.Layout == Layout.ChannelsLast ? Enumerable.Range(0, rank).Where(axis => axis != 1).Append(1).ToArray() : [.. Enumerable.Range(0, rank)];
            var block = (long)_output.DataType.SizeInBytes();
            var last = rank - 1;
            // Axes that stay as they are belong to the block, with the padding of quantized pixels.
            for (; last > 0 && tables[order[last]] is null && !_output.Shape[order[last]].Grows; last--) block = order[last] == 1 && _output.Layout == Layout.ChannelsLast ? _output.PixelBytes : block * _output.Shape[order[last]].Fixed;
            (_axes, _blockBytes) = (order[..(last + 1)], block);
            _runs = tables[_axes[^1]] is { } table ? [.. Runs(table)] : [];
            _isByElement = _runs.Length * 4 > (tables[_axes[^1]]?.Length ?? int.MaxValue);
        }

        public override void Run(RunState state) => state.RunParallel(this, Parts(state.Batch));

        public void RunPart(RunState state, int part, int worker)
        {
            var (rows, parts) = (Rows(state.Batch), Parts(state.Batch));
            var (begin, end) = WorkSplit.Share(rows, part, parts);
            Span<nint> fromBytes = stackalloc nint[_axes.Length], toBytes = stackalloc nint[_axes.Length];
            for (var i = 0; i < _axes.Length; i++) (fromBytes[i], toBytes[i]) = (_input.AxisBytes(_axes[i], state.Batch), _output.AxisBytes(_axes[i], state.Batch));
            // Rows of one plane follow each other.
            var (height, width) = (_axes.Length > 1 ? _output.Shape.Size(_axes[^2], state.Batch) : 1, _output.Shape.Size(_axes[^1], state.Batch));
            for (var row = begin; row < end;)
            {
                var (rest, first) = Math.DivRem(row, height);
                byte* from = state.Address(_input), to = state.Address(_output);
                var isFilled = false;
                for (var i = _axes.Length - 3; i >= 0; i--)
                {
                    (rest, var index) = Math.DivRem(rest, _output.Shape.Size(_axes[i], state.Batch));
                    var source = _tables[_axes[i]] is { } table ? table[index] : (int)index;
                    isFilled |= source < 0;
                    from += source * fromBytes[i];
                    to += (nint)index * toBytes[i];
                }
                var last = (int)Math.Min(height, first + end - row);
                if (_axes.Length > 1) CopyPlane(from, fromBytes[^2], to, toBytes[^2], isFilled, (int)first, last, width);
                else CopyRow(from, to, width);
                row += last - first;
            }
        }

        private void CopyPlane(byte* from, nint fromRow, byte* to, nint toRow, bool isFilled, int first, int end, int width)
        {
            var (rows, previous) = (_tables[_axes[^2]], -1);
            for (var y = first; y < end; y++)
            {
                var source = rows is null ? y : rows[y];
                var target = to + y * toRow;
                if (isFilled || source < 0) FillBlocks(target, width);
                // A row that is repeated is copied from the result, where it is finished.
                else if (source == previous) Buffer.MemoryCopy(target - toRow, target, width * _blockBytes, width * _blockBytes);
                else CopyRow(from + source * fromRow, target, width);
                previous = source;
            }
        }

        private void CopyRow(byte* from, byte* to, int size)
        {
            if (_tables[_axes[^1]] is not { } table)
            {
                Buffer.MemoryCopy(from, to, size * _blockBytes, size * _blockBytes);
                return;
            }
            if (_isByElement && _blockBytes is 1 or 4)
            {
                fixed (int* sources = table)
                    if (_blockBytes == 1) Gather(from, to, sources, size);
                    else Gather((uint*)from, (uint*)to, sources, size);
                return;
            }
            foreach (var run in _runs)
            {
                var target = to + run.To * _blockBytes;
                if (_blockBytes == sizeof(uint) && run is { Count: 1, From: >= 0 }) *(uint*)target = *(uint*)(from + run.From * sizeof(uint));
                else if (run.From < 0) FillBlocks(target, run.Count);
                else Buffer.MemoryCopy(from + run.From * _blockBytes, target, run.Count * _blockBytes, run.Count * _blockBytes);
            }
        }

        private void Gather<T>(T* from, T* to, int* sources, int count) where T : unmanaged
        {
            T fill = default;
            // A pixel of several 8-bit channels is one block.
            for (var i = 0; i < sizeof(T) && _fill.Length > 0; i++) ((byte*)&fill)[i] = _fill[i % _fill.Length];
            for (var i = 0; i < count; i++) to[i] = sources[i] < 0 ? fill : from[sources[i]];
        }

        private void FillBlocks(byte* to, int blocks)
        {
            var bytes = blocks * _blockBytes;
            switch (_fill.Length)
            {
                case 1: new Span<byte>(to, checked((int)bytes)).Fill(_fill[0]); break;
                case 4: new Span<uint>(to, checked((int)(bytes / 4))).Fill(BitConverter.ToUInt32(_fill)); break;
                default:
                    for (long i = 0; i < bytes; i++) to[i] = _fill[i % _fill.Length];
                    break;
            }
        }

        private static IEnumerable<Stretch> Runs(int[] table)
        {
            for (var begin = 0; begin < table.Length;)
            {
                var end = begin + 1;
                while (end < table.Length && (table[begin] < 0 ? table[end] < 0 : table[end] == table[begin] + end - begin)) end++;
                yield return new Stretch(begin, table[begin], end - begin);
                begin = end;
            }
        }

        private long Rows(int batch)
        {
            long rows = 1;
            foreach (var axis in _axes.AsSpan()[..^1]) rows *= _output.Shape.Size(axis, batch);
            return rows;
        }

        private int Parts(int batch)
        {
            var rows = Rows(batch);
            return (int)Math.Clamp(rows * _output.Shape.Size(_axes[^1], batch) * _blockBytes / BytesPerPart, Math.Min(1, rows), rows);
        }
    }
}
