using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>How a float convolution is cut up, by the model of its kernels and without timing. A choice of speed only: results do not depend on it.</summary>
internal sealed class FloatBlocking
{
    private readonly ConvKernelFamily _family;
    private readonly ConvOperands _operands;
    private readonly int _vectors, _panels;
    private readonly nint _panelBytes;

    public FloatBlocking(ContractionLayer layer, ConvKernelFamily family, int maxBatch)
    {
        (_family, _operands) = (family, family.Operands(layer));
        var (reduction, temporaries) = (_operands.Reduction, family.Temporaries(layer));
        var image = _operands.IsFlat ? _operands.Image with { Columns = _operands.Image.Columns * layer.Images(maxBatch) } : _operands.Image;
        var groupVectors = EvenParts.Count(_operands.GroupChannels, PanelShape.Lanes);
        _vectors = family.PanelVectors.Where(vectors => vectors <= groupVectors).MinBy(Cycles);
        _panels = EvenParts.Count(groupVectors, _vectors) * _operands.Groups;
        _panelBytes = family.WeightBytes(new PanelShape(_vectors, _vectors * PanelShape.Lanes, true), reduction);

        double Cycles(int vectors)
        {
            var (full, rest) = Math.DivRem(groupVectors, vectors);
            return full * PanelCycles(vectors) + (rest > 0 ? PanelCycles(rest) : 0);
        }

        double PanelCycles(int vectors)
        {
            var block = family.Block(image, vectors, temporaries);
            return new BlockGrid(_operands, image, block).PerImage * family.BlockCycles(block, vectors, reduction);
        }
    }

    /// <summary>Threads share out what is larger, so that each reads only its part of it.</summary>
    public ConvBlocking At(int images, int threads)
    {
        var pixels = (long)images * _operands.Image.Pixels;
        var splitsChannels = threads > 1 && _panels >= threads && _panels * (long)_panelBytes > pixels * _operands.PixelBytes;
        // All panels pass over some blocks before the next, unless reading a panel so often costs more than reading the input for it.
        var inputBytes = pixels / (splitsChannels ? 1 : threads) * (_operands.PixelBytes + _operands.Image.OutputColumn);
        return new ConvBlocking(_vectors, splitsChannels, BlocksOutside: EvenParts.Count(inputBytes, _family.CloseBytes) * _panelBytes <= inputBytes);
    }
}
