using Pith.Kernels.Int8;

namespace Pith.EngineTests.Int8;

public class QuickDivisionTests
{
    [Fact]
    public unsafe void It_rounds_like_division_also_at_ties()
    {
        var random = new Random(1);
        var accepted = 0;
        for (var trial = 0; trial < 300; trial++)
        {
            var scale = MathF.Exp(random.NextSingle() * 20 - 12);
            var division = QuickDivision.Of(scale);
            if (!division.IsAllowed) continue;
            accepted++;
            for (var i = 0; i < 200; i++)
            {
                // Every other value is a tie, or the nearest float to one.
                var x = i % 2 == 0 ? (random.Next(-200, 200) + 0.5f) * scale : (random.NextSingle() * 2 - 1) * 200 * scale;
                Check(x, scale, division);
            }
        }
        Assert.True(accepted > 290, $"only {accepted} of 300 scales can be divided by quickly");
    }

    private static unsafe void Check(float x, float scale, QuickDivision division)
    {
        byte want, got;
        ScalarLane.StoreBytes(&want, new ScalarLane(Math.Clamp(x / scale, -128, 127)), 128);
        var lanes = stackalloc float[16];
        if (!System.Runtime.Intrinsics.X86.Fma.IsSupported) return;
        Lanes256.Store(lanes, Lanes256.DivideQuickly(Lanes256.Broadcast(x), Lanes256.Broadcast(scale), Lanes256.Broadcast(division.High), Lanes256.Broadcast(division.Low)));
        ScalarLane.StoreBytes(&got, new ScalarLane(Math.Clamp(lanes[0], -128, 127)), 128);
        Assert.True(want == got, $"{x:R} / {scale:R}: expected {want}, got {got}");
    }
}
