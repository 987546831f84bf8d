using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The numbers of an INT8 layer.</summary>
internal sealed unsafe class Int8ConvParameters : ConvParameters
{
    private readonly ContractionLayer _layer;
    private readonly ConvOperands _operands;
    private readonly ContractionConstants _constants;
    private readonly PaddedCopies _copies;

    public Int8ConvParameters(ContractionLayer layer, ConvOperands operands, BuildResources resources)
    {
        (_layer, _operands, _constants, _copies) = (layer, operands, new ContractionConstants(layer), new PaddedCopies(layer, operands));
        var epilogue = EpilogueInt8.Create(layer, _constants, resources);
        Arithmetic = new Int8ConvArithmetic(EpilogueConstants.Spec(epilogue, _constants, LargestSum(layer)));
        Shared = resources.Allocate(EpilogueConstants.SharedBytes);
        EpilogueConstants.Fill(epilogue, Shared);
    }

    public override ConvArithmetic Arithmetic { get; }

    public override byte* Shared { get; }

    public override void FillPanel(PanelShape panel, Func<int, int> channelOf, byte* block) => EpilogueConstants.FillPanel(panel, channelOf, _constants, block);

    // The weights are [C/groups, taps], runs [taps][channels of a pixel or of the joined group], with zeros where channels of a joined group do not meet.
    public override void CopyWeights(int channel, int channelInGroup, byte* row)
    {
        var (groupIn, taps) = (_operands.GroupIn, _layer.Window.Taps);
        fixed (sbyte* weights = _layer.Int8!.Weights.Data)
        {
            var from = (byte*)weights + (nint)channel * groupIn * taps;
            if (_operands.IsDepthwise || (taps == 1 && _operands.GroupOut >= _operands.GroupChannels))
            {
                Buffer.MemoryCopy(from, row, groupIn * taps, groupIn * taps);
                return;
            }
            var tapBytes = (nint)_operands.Reduction.Runs * _operands.Reduction.RunBytes / taps;
            row += channelInGroup / _operands.GroupOut * groupIn;
            for (var tap = 0; tap < taps; tap++, row += tapBytes)
                for (var c = 0; c < groupIn; c++) row[c] = from[c * taps + tap];
        }
    }

    public override void CopyImages(RunState state) => state.RunParallel(_copies, _layer.Images(state.Batch) * _copies.PartsPerImage);

    // No accumulator is larger in magnitude.
    private static double LargestSum(ContractionLayer layer)
    {
        var perChannel = layer.Int8!.Weights.Shape.LengthOf(1, 4);
        return perChannel * 255.0 * 128 + layer.Int8.IntegerBias.Max(bias => Math.Abs((double)bias));
    }

    // A part is some rows of an image.
    private sealed class PaddedCopies(ContractionLayer layer, ConvOperands operands) : IParallelBody
    {
        private const int BytesPerPart = 64 << 10;

        private readonly int _rows = (int)Math.Clamp(BytesPerPart / Math.Max(1, operands.RowBytes), 1, Math.Max(1, operands.CopyRows));

        public int PartsPerImage => EvenParts.Count(operands.CopyRows, _rows);

        public void RunPart(RunState state, int part, int worker)
        {
            var (image, band) = Math.DivRem(part, PartsPerImage);
            var first = band * _rows;
            var copy = new PaddedCopyInt8
            {
                Image = state.Address(layer.Input) + image * layer.Input.ImageBytes,
                Height = layer.Input.Height,
                Width = layer.Input.Width,
                PixelBytes = layer.Input.PixelBytes,
                RowBytes = layer.Input.RowBytes,
                ZeroPoint = (byte)layer.Int8!.Input.StoredZeroPoint,
                PadLeft = layer.Window.PadLeft,
                Columns = operands.CopyColumns,
            };
            copy.Run(first - layer.Window.PadTop, Math.Min(_rows, operands.CopyRows - first), state.SharedScratch + image * operands.ImageBytes + first * operands.RowBytes);
        }
    }
}
