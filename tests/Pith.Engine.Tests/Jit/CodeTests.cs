using Iced.Intel;
using Pith.Benchmarking;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Jit;

/// <summary>What emitted code may contain, and where it lies.</summary>
public class CodeTests
{
    // What 64-bit code with VEX prefixes has anyway, prefetches included.
    private static readonly CpuidFeature[] s_always = [CpuidFeature.INTEL8086, CpuidFeature.INTEL386, CpuidFeature.X64, CpuidFeature.CMOV, CpuidFeature.SSE, CpuidFeature.AVX];

    private static readonly (CpuFeatures Features, CpuidFeature[] Instructions)[] s_instructions =
    [
        (CpuFeatures.Avx2, [CpuidFeature.AVX2, CpuidFeature.FMA]),
        (CpuFeatures.AvxVnni, [CpuidFeature.AVX_VNNI]),
        (CpuFeatures.Avx512, [CpuidFeature.AVX512F, CpuidFeature.AVX512BW, CpuidFeature.AVX512DQ, CpuidFeature.AVX512VL]),
        (CpuFeatures.Avx512Vnni, [CpuidFeature.AVX512_VNNI]),
        (CpuFeatures.Avx512Vbmi, [CpuidFeature.AVX512_VBMI]),
        (CpuFeatures.Avx512Bf16, [CpuidFeature.AVX512_BF16]),
        (CpuFeatures.AmxInt8, [CpuidFeature.AMX_TILE, CpuidFeature.AMX_INT8]),
        (CpuFeatures.AmxBf16, [CpuidFeature.AMX_TILE, CpuidFeature.AMX_BF16]),
    ];

    public static TheoryData<string> Activations() => ["None", "LeakyRelu", "HardSwish", "HardSigmoid", "Silu", "Sigmoid"];

    [Theory]
    [MemberData(nameof(Activations))]
    public void Families_use_the_instructions_that_they_declare_only(string activation)
    {
        var kind = Enum.Parse<ActivationKind>(activation);
        const string Layer = "r3,3 stride1,1 pad1,1,1,1 bias";
        var layers = new[] { $"conv u8>u8 n1 c64 h14 w14 k64 {Layer} 64:2:4", $"conv u8>u8 n1 c64 h14 w14 k64 g64 {Layer}", $"conv f32>f32 n1 c64 h14 w14 k64 {Layer}" }.Select(text => LayerNetwork.Lower(text).Layer).ToArray();
        var families = TacticCatalog.Cpu.OfType<EmittedConv>().GroupBy(tactic => (tactic.Family, Takes(tactic))).Select(group => group.Key).ToArray();
        foreach (var (family, layer) in families)
            foreach (var residual in Enum.GetValues<ResidualKind>())
                foreach (var isFloatOutput in (bool[])[false, true])
                {
                    var epilogue = new EpilogueSpec
                    {
                        Activation = kind, Residual = residual, ResidualHasZeroPoint = true, HasOffset = true, HasZeroPoint = true, HasLowest = true, HasHighest = true, Division = DivisionKind.Quick, ClampsFloats = true, IsFloatOutput = isFloatOutput,
                    };
                    if (layer.IsDepthwise && epilogue.IsNatural && family.Needs.Include(CpuFeatures.Avx512)) continue;
                    var floats = new EpilogueFp32Spec(residual != ResidualKind.None, kind, Streams: isFloatOutput);
                    ConvArithmetic arithmetic = layer.Int8 is not null ? new Int8ConvArithmetic(epilogue) : family is Fp32Kernels ? new Fp32ConvArithmetic(floats) : new Bf16ConvArithmetic(floats);
                    Check(family.Emitter(Spec(family, layer, arithmetic)), family.Needs);
                }
        Check(new Bf16CopyEmitter(), CpuFeatures.Avx512 | CpuFeatures.Avx512Bf16);

        ContractionLayer Takes(EmittedConv tactic) => layers.First(layer => layer.Int8 is null == tactic is Bf16EmittedConv or Bf16ComputedConv or Fp32EmittedConv && tactic.Family.Refuses(layer) is null);
    }

    // A last panel, which is not full, and a tile inside an image.
    private static ConvKernelSpec Spec(ConvKernelFamily family, ContractionLayer layer, ConvArithmetic arithmetic)
    {
        var panel = new PanelShape(family.PanelVectors[0], family.PanelVectors[0] * PanelShape.Lanes - 1, arithmetic.IsNatural) { Shared = family.Shared };
        var image = new PixelBlock(14, 14) { InputRow = 640, InputColumn = 64, OutputRow = 640, OutputColumn = 64, ResidualRow = 640, ResidualColumn = 64 };
        return new ConvKernelSpec(panel, family.Block(image, panel.Vectors, arithmetic.Temporaries), family.Operands(layer).Reduction, arithmetic) { FetchSteps = family.FetchSteps(panel, family.Operands(layer).Reduction, 4) };
    }

    [Fact]
    public void Kernels_of_winograd_use_the_instructions_that_they_need_only()
    {
        var tile = new PixelBlock(4, 4) { OutputRow = 640, OutputColumn = 64, ResidualRow = 640, ResidualColumn = 64 };
        foreach (var points in new[] { WinogradPoints.Two, WinogradPoints.Four })
        {
            Check(new WinogradFp32InputEmitter(new WinogradFp32TileSpec(points, 3, 4096, 192, 1088)), CpuFeatures.Avx512);
            Check(new WinogradFp32GradientEmitter(new WinogradFp32TileSpec(points, 3, 4096, 192, 1088)), CpuFeatures.Avx512);
            foreach (var operand in (WinogradOperand[])[WinogradOperand.Bfloat16, WinogradOperand.FirstOfPair, WinogradOperand.SecondOfPair])
                Check(new WinogradFp32InputEmitter(new WinogradFp32TileSpec(points, 3, 4096, 192, 1088, operand)), FloatProducts.Bf16.Needs);
            foreach (var activation in Enum.GetValues<ActivationKind>().Where(ActivationFp32Emitter.Has))
                Check(new WinogradFp32OutputEmitter(new WinogradFp32OutputSpec(points, 15, 1088, tile with { Rows = points.Outputs, Columns = points.Outputs }, 1, 0, new EpilogueFp32Spec(true, activation, false))), CpuFeatures.Avx512);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Kernels_of_weight_gradients_use_the_instructions_that_they_need_only(int vectors) => Check(new OuterProductEmitter(new OuterProductSpec(FloatProducts.Fp32.Arithmetic, 37, vectors, 256, 512)), CpuFeatures.Avx512);

    [Fact]
    public void Kernels_of_rounded_weight_gradients_use_the_instructions_that_they_need_only()
    {
        Check(new OuterProductEmitter(new OuterProductSpec(FloatProducts.Bf16.Arithmetic, 37, 4, 256, 512)), FloatProducts.Bf16.Needs);
        Check(new PairCopyEmitter(), FloatProducts.Bf16.Needs);
        Check(new OuterTilesEmitter(new OuterTilesSpec(3, 4, 512), TileUnit.Native), CpuFeatures.AmxBf16);
    }

    [Fact]
    public void A_tile_configuration_has_the_rows_and_bytes_where_the_cpu_reads_them()
    {
        // LDTILECFG: palette in byte 0, bytes of a row of each tile from byte 16 on in 16 bits, rows from byte 48 on.
        var config = TileUnit.Config([14, 14, 14, 14, 14, 14, 16, 16]);
        Assert.Equal(64, config.Length);
        Assert.Equal(1, config[0]);
        for (var tile = 0; tile < 8; tile++) Assert.Equal((64, tile < 6 ? 14 : 16), (BitConverter.ToUInt16(config, 16 + 2 * tile), config[48 + tile]));
        Assert.All(Enumerable.Range(1, 15).Concat(Enumerable.Range(32, 16)).Concat(Enumerable.Range(56, 8)), at => Assert.Equal(0, config[at]));
    }

    [Fact]
    public void Equal_keys_share_code_and_unequal_ones_do_not()
    {
        using var arena = new CodeArena();
        var emitted = 0;
        byte[] Code()
        {
            emitted++;
            return [0xC3];
        }
        var first = arena.Get("a", ("a", 1), Code);
        Assert.Equal(first, arena.Get("a", ("a", 1), Code));
        Assert.NotEqual(first, arena.Get("a", ("a", 2), Code));
        Assert.Equal(2, emitted);
        Assert.Equal(2 * 4096, arena.Bytes);
    }

    [Fact]
    public void No_page_is_writable_and_executable()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("Looks at /proc/self/maps.");
        using var arena = new CodeArena();
        var address = arena.Get("ret", "ret", () => [0xC3]);
        var line = File.ReadLines("/proc/self/maps").Single(line => Start(line) <= address && address < End(line));
        Assert.Contains(" r-xp ", line, StringComparison.Ordinal);
    }

    private static long Start(string line) => Convert.ToInt64(line[..line.IndexOf('-', StringComparison.Ordinal)], 16);

    private static long End(string line) => Convert.ToInt64(line[(line.IndexOf('-', StringComparison.Ordinal) + 1)..line.IndexOf(' ', StringComparison.Ordinal)], 16);

    private static void Check(KernelEmitter emitter, CpuFeatures features)
    {
        var allowed = s_instructions.Where(entry => features.Include(entry.Features)).SelectMany(entry => entry.Instructions).Concat(s_always).ToHashSet();
        Assert.NotEmpty(emitter.Emit());
        foreach (var instruction in emitter.Instructions)
            foreach (var feature in instruction.Code.CpuidFeatures())
                Assert.True(allowed.Contains(feature), $"{emitter.GetType().Name}: {instruction} needs {feature}.");
    }

    [Fact]
    public void Emitted_kernels_have_names_that_reports_show()
    {
        Assert.Equal("7f00a000 1c0 pith::conv_u8s8s32_7x64c4_avx512vnni\n", PerfMap.Line(0x7f00a000, 0x1c0, "conv_u8s8s32_7x64c4_avx512vnni"));
        if (!TestDevice.Has(CpuFeatures.Avx512Vnni)) Assert.Skip("This CPU has no AVX-512 VNNI.");
        var b = new Int8.QdqGraphBuilder(1);
        b.Graph.AddOutput(b.Quantized(b.Conv(b.Quantized(b.Input(16, 8, 8)), 16, 64, 3, WindowAttributes.Uniform(3, 1, 1), 1)));
        using var engine = EngineBuilder.Build(b.Graph, new EngineOptions { TimeTactics = false }, TestDevice.At(IsaLevel.Avx512Vnni));
        var kernel = Assert.Single(engine.Layers.Single(layer => layer.Spec.Kind == LayerKind.Conv).Kernels);
        Assert.Matches("^conv_u8s8s32_[0-9]+x[0-9]+c4_avx512vnni$", kernel);
    }
}
