using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>
/// Joins phases of 32-bit elements that lie channels-last straight to a row-major result: the row of each phase is turned in the cache, then its columns are put between those of the others.
/// </summary>
internal sealed unsafe class InterleavePlanes : Tactic<OpLayer>
{
    public override string Name => "interleave-planes-32bit";

    protected override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is InterleavePhases && layer.Output is { Layout: Layout.RowMajor } output && output.DataType.SizeInBytes() == sizeof(uint) && layer.Inputs.All(input => input!.Layout == Layout.ChannelsLast) && !output.Shape.IsEmpty
            ? Verdict.Yes : Verdict.NotFor("phases of 32-bit elements that become row-major");

    // Ahead of the copies that know nothing of the layouts.
    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device) / 2;

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private const int ElementsPerPart = 8192;

        // Channels that are turned together, unless all phases of a row are neighbours and few enough.
        private const int BlockChannels = 32, MostTogether = 64;

        private readonly Slot[] _phases;
        private readonly Slot _output;
        private readonly InterleavePhases _join;
        private readonly int _channels, _height, _width, _inputWidth, _block, _rows;
        private readonly bool _isJoined, _isTogether;

        public Runnable(OpLayer layer)
        {
            (_phases, _output, _join) = (layer.Inputs!, layer.Output, (InterleavePhases)layer.Op);
            (_channels, _height, _width) = (_output.Shape[1].Fixed, _output.Shape[2].Fixed, _output.Shape[3].Fixed);
            _isJoined = _phases.Length < _join.Count;
            _isTogether = _isJoined && _join.Columns * _channels <= MostTogether;
            _inputWidth = _phases.Max(phase => phase.Width);
            _block = _isTogether ? _channels : Math.Min(_channels, BlockChannels);
            _rows = EvenParts.Length(_height, Math.Clamp(ElementsPerPart / (_width * _channels), 1, _height));
        }

        public override long ScratchBytes => (long)_join.Columns * _block * _inputWidth * sizeof(uint);

        public override void Run(RunState state) => state.RunParallel(this, _output.Shape.Size(0, state.Batch) * EvenParts.Count(_height, _rows));

        public void RunPart(RunState state, int part, int worker)
        {
            var (image, band) = Math.DivRem(part, EvenParts.Count(_height, _rows));
            var end = Math.Min(_height, (band + 1) * _rows);
            for (var row = band * _rows; row < end; row++)
                for (var channel = 0; channel < _channels; channel += _block) RunRow(state, image, row, channel, Math.Min(_block, _channels - channel), (uint*)state.Scratch(worker));
        }

        // Channels [first, first + count) of one row.
        private void RunRow(RunState state, int image, int row, int first, int count, uint* turned)
        {
            var (from, phaseRow) = Math.DivRem(row + _join.Top, _join.Rows);
            for (var column = 0; column < _join.Columns; column += _isTogether ? _join.Columns : 1)
            {
                var phase = phaseRow * _join.Columns + column;
                var slot = _phases[_isJoined ? 0 : phase];
                var source = (uint*)(state.Address(slot) + slot.PixelOffset(image, from, 0)) + (_isJoined ? phase * _channels : 0) + first;
                TransposedCopy.Run<uint>((byte*)source, slot.PixelBytes, (byte*)(turned + (nint)column * _block * _inputWidth), _inputWidth * sizeof(uint), slot.Width, _isTogether ? _join.Columns * count : count);
            }
            var plane = (nint)_height * _width;
            var to = (uint*)state.Address(_output) + ((nint)image * _channels + first) * plane + (nint)row * _width;
            for (var channel = 0; channel < count; channel++, to += plane) Weave(turned + (nint)channel * _inputWidth, to);
        }

        // One row of one channel, from its rows in each phase.
        private void Weave(uint* turned, uint* to)
        {
            var apart = (nint)_block * _inputWidth;
            var whole = _join.Left == 0 ? _width / _join.Columns : 0;
            if (whole > 0) TransposedCopy.Run<uint>((byte*)turned, apart * sizeof(uint), (byte*)to, _join.Columns * sizeof(uint), _join.Columns, whole);
            else if (_join.Columns == 2 && _width > 1)
            {
                // The second phase comes first: its columns start one before those of the first.
                var begin = _join.Left / 2;
                var second = _join.Left % 2 * apart;
                whole = _width / 2;
                PairCopy.Interleave(turned + second + begin, turned + apart - second + begin + _join.Left % 2, to, whole);
            }
            for (var at = whole * _join.Columns; at < _width; at++)
            {
                var (index, phase) = Math.DivRem(at + _join.Left, _join.Columns);
                to[at] = turned[phase * apart + index];
            }
        }
    }
}
