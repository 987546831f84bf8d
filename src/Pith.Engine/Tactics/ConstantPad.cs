using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pith.Building;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Pad with a constant, of elements of any type in either layout: rows are copied, and what lies outside of the operand is filled.</summary>
internal sealed unsafe class ConstantPad : Tactic<OpLayer>
{
    public override string Name => "constant-pad";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    // Amounts and number are read when the layer is built.
    protected override bool KeepsConstants => false;

    protected override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is not Pad { Mode: PadMode.Constant } ? Verdict.NotFor("Pad with a constant")
        : layer.Output.Shape.Rank == 0 ? Verdict.No("needs an axis")
        : layer.Inputs[1]!.Constant is null || layer.Inputs.ElementAtOrDefault(2) is { Constant: null } ? Verdict.No("needs constant amounts and a constant number")
        : layer.Inputs[0]!.Constant is not null || layer.Inputs[0]!.Layout != layer.Output.Layout ? Verdict.No("needs a computed operand in the layout of the result")
        : layer.Output.IsQuantized && Amounts(layer) is var amounts && (amounts[1] != (0, 0) || amounts.Length != 4) ? Verdict.No("pads rows and columns of 8-bit images, not their channels")
        : Verdict.Yes;

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer);

    private static (int Begin, int End)[] Amounts(OpLayer layer) => ((Pad)layer.Op).PadsPerAxis(layer.Inputs[1]!.Constant!.ToInt64s(), layer.Output.Shape.Rank);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private const long BytesPerPart = 65536;

        private readonly Slot _input;
        private readonly Slot _output;

        // The axes in physical order up to the last one that is padded; what lies inside of that is copied as a block.
        private readonly int[] _axes;
        private readonly int[] _inner;
        private readonly int[] _begins;
        private readonly int _elementBytes;
        private readonly ulong _fill;

        public Runnable(OpLayer layer)
        {
            (_input, _output) = (layer.Inputs[0]!, layer.Output);
            var amounts = Amounts(layer);
            var order = Enumerable.Range(0, amounts.Length);
            if (_output.Layout == Layout.ChannelsLast) order = order.Where(axis => axis != 1).Append(1);
            int[] physical = [.. order];
            var last = Math.Max(0, Array.FindLastIndex(physical, axis => amounts[axis] != (0, 0)));
            (_axes, _inner) = (physical[..(last + 1)], physical[(last + 1)..]);
            _begins = [.. _axes.Select(axis => amounts[axis].Begin)];
            _elementBytes = _output.DataType.SizeInBytes();
            if (layer.Inputs.ElementAtOrDefault(2)?.Constant is { } fill) fill.Bytes.CopyTo(MemoryMarshal.AsBytes(new Span<ulong>(ref _fill)));
            if (_output is { IsQuantized: true, DataType: DataType.Int8 }) _fill ^= 0x80;
        }

        public override void Run(RunState state)
        {
            var rows = Rows(state.Batch);
            if (rows > 0) state.RunParallel(this, Parts(state.Batch, rows));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var (batch, rows) = (state.Batch, Rows(state.Batch));
            var parts = Parts(batch, rows);
            var last = _axes.Length - 1;
            var block = BlockBytes(batch);
            var (size, length) = (_input.Shape.Size(_axes[last], batch), _output.Shape.Size(_axes[last], batch));
            // The result's elements that come from the operand.
            var (from, to) = (Math.Clamp(_begins[last], 0, length), Math.Clamp(_begins[last] + size, 0, length));
            to = Math.Max(from, to);
            for (var row = rows * part / parts; row < rows * (part + 1) / parts; row++)
            {
                var target = state.Address(_output) + (nint)(row * length * block);
                if (Source(row, batch) is var source && source < 0)
                {
                    Fill(target, length * block);
                    continue;
                }
                Fill(target, from * block);
                Unsafe.CopyBlockUnaligned(target + from * block, state.Address(_input) + (nint)((source * size + from - _begins[last]) * block), checked((uint)((to - from) * block)));
                Fill(target + to * block, (length - to) * block);
            }
        }

        // The operand's row that a row of the result is; -1 when it is padding.
        private long Source(long row, int batch)
        {
            long source = 0, scale = 1;
            for (var axis = _axes.Length - 2; axis >= 0; axis--)
            {
                var length = _output.Shape.Size(_axes[axis], batch);
                var size = _input.Shape.Size(_axes[axis], batch);
                (row, var index) = Math.DivRem(row, length);
                index -= _begins[axis];
                if (index < 0 || index >= size) return -1;
                source += index * scale;
                scale *= size;
            }
            return source;
        }

        private void Fill(byte* target, nint bytes)
        {
            if (bytes <= 0) return;
            if (_fill == 0) new Span<byte>(target, checked((int)bytes)).Clear();
            else switch (_elementBytes)
            {
                case 1: new Span<byte>(target, checked((int)bytes)).Fill((byte)_fill); break;
                case 2: new Span<ushort>(target, checked((int)(bytes / 2))).Fill((ushort)_fill); break;
                case 4: new Span<uint>(target, checked((int)(bytes / 4))).Fill((uint)_fill); break;
                default: new Span<ulong>(target, checked((int)(bytes / 8))).Fill(_fill); break;
            }
        }

        private long Rows(int batch)
        {
            long rows = 1;
            foreach (var axis in _axes.AsSpan()[..^1]) rows *= _output.Shape.Size(axis, batch);
            return _output.Shape.Elements(batch) == 0 ? 0 : rows;
        }

        private nint BlockBytes(int batch)
        {
            // The pixels of 8-bit images have channels that the shape does not count.
            if (_output.IsQuantized) return _output.PixelBytes * Product(_inner.AsSpan()[..^1], batch);
            return _elementBytes * Product(_inner, batch);
        }

        private nint Product(ReadOnlySpan<int> axes, int batch)
        {
            nint product = 1;
            foreach (var axis in axes) product *= _output.Shape.Size(axis, batch);
            return product;
        }

        private int Parts(int batch, long rows) => (int)Math.Clamp(_output.Bytes(batch) / BytesPerPart, 1, rows);
    }
}
