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

    public Int8ConvParameters(ContractionLayer layer, ConvOperands operands, BuildResources resources)
    {
        (_layer, _operands, _constants, Images) = (layer, operands, new ContractionConstants(layer), new PaddedImages(layer, operands));
        var epilogue = EpilogueInt8.Create(layer, _constants, resources);
        Arithmetic = new Int8ConvArithmetic(EpilogueConstants.Spec(epilogue, _constants, LargestSum(layer)));
        Shared = resources.Allocate(EpilogueConstants.SharedBytes);
        EpilogueConstants.Fill(epilogue, Shared);
    }

    public override ConvArithmetic Arithmetic { get; }

    public override byte* Shared { get; }

    public override PaddedImages Images { get; }

    public override void FillPanel(RunState? state, PanelShape panel, Func<int, int> channelOf, byte* block) => EpilogueConstants.FillPanel(panel, channelOf, _constants, block);

    // The weights are [C/groups, taps], runs [taps][channels of a pixel or of the joined group], with zeros where channels of a joined group do not meet.
    public override void CopyWeights(RunState? state, int channel, int channelInGroup, byte* row)
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

    // No accumulator is larger in magnitude.
    private static double LargestSum(ContractionLayer layer)
    {
        var perChannel = layer.Int8!.Weights.Shape.LengthOf(1, 4);
        return perChannel * 255.0 * 128 + layer.Int8.IntegerBias.Max(bias => Math.Abs((double)bias));
    }
}
