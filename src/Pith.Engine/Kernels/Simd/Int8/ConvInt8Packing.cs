namespace Pith.Kernels.Int8;

/// <summary>Brings weights [K, C/groups, R, S] into the panels that a tile kernel reads.</summary>
internal static unsafe class ConvInt8Packing
{
    /// <summary>
    /// How many groups become one: enough to fill a panel and whole steps. The joined group is dense with zeros between channels that do not meet.
    /// </summary>
    public static int GroupsToJoin(int groups, int groupIn, int groupOut)
    {
        for (var join = 1; join < groups; join++)
            if (groups % join == 0 && join * groupIn % TileInt8.Step == 0 && join * groupOut >= TileInt8.Panel) return join;
        return groups;
    }

    /// <summary>Bytes of one packed panel.</summary>
    public static nint PanelBytes<TTile>(in ConvInt8 conv) where TTile : struct, ITileKernelInt8 => (nint)conv.Segments * (conv.SegmentBytes / TileInt8.Step) * TTile.StepBytes;

    /// <summary>Packs all panels.</summary>
    /// <param name="conv">The convolution, with groups already joined.</param>
    /// <param name="weights">[K, <paramref name="groupIn"/>, R, S]</param>
    /// <param name="groupIn">Input channels of one of the op's own groups.</param>
    /// <param name="groupOut">Output channels of one of the op's own groups.</param>
    /// <param name="packed"><see cref="ConvInt8.Panels"/> times <see cref="PanelBytes{TTile}"/> of zeroed memory.</param>
    public static void Pack<TTile>(in ConvInt8 conv, ReadOnlySpan<sbyte> weights, int groupIn, int groupOut, byte* packed) where TTile : struct, ITileKernelInt8
    {
        var step = stackalloc sbyte[TileInt8.Panel * TileInt8.Step];
        var outputs = weights.Length / (groupIn * conv.Bands.Window.Taps);
        for (var panel = 0; panel < conv.Panels; panel++)
        {
            var (group, inGroup) = Math.DivRem(panel, conv.PanelsPerGroup);
            for (var segment = 0; segment < conv.Segments; segment++)
                for (var first = 0; first < conv.SegmentBytes; first += TileInt8.Step, packed += TTile.StepBytes)
                {
                    for (var k = 0; k < TileInt8.Panel; k++)
                        for (var i = 0; i < TileInt8.Step; i++)
                        {
                            var output = inGroup * TileInt8.Panel + k;
                            var (tap, channel) = Locate(conv, segment, first + i);
                            var isThere = output < conv.GroupOut && group * conv.GroupOut + output < outputs && output / groupOut == channel / groupIn && channel < conv.GroupOut / groupOut * groupIn;
                            step[k * TileInt8.Step + i] = isThere ? weights[((group * conv.GroupOut + output) * groupIn + channel % groupIn) * conv.Bands.Window.Taps + tap] : (sbyte)0;
                        }
                    TTile.PackStep(step, packed);
                }
        }
    }

    // The tap and the channel within the joined group that byte i of a segment belongs to.
    private static (int Tap, int Channel) Locate(in ConvInt8 conv, int segment, int i) =>
        conv.JoinsColumns ? (segment * conv.Bands.Window.KernelWidth + i / conv.Bands.PixelBytes, i % conv.Bands.PixelBytes) : (segment, i);
}
