using System.Buffers.Binary;
using System.Text;
using Pith.Compression.Data;

namespace Pith.Compression.Tests.Training;

/// <summary>What TensorBoard would read, read without the code that wrote it.</summary>
public class EventFileTests
{
    [Fact]
    public void A_training_is_written_step_by_step_with_checksums()
    {
        using var folder = new TemporaryFolder();
        var progress = new List<TrainingProgress>();
        var settings = Toy.Settings with { Epochs = 2, Validation = ValidationMode.Observe };
        var result = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { TensorBoardFolder = folder.File("board"), Events = new Recorder(e => { if (e is TrainingProgress made) progress.Add(made); }) });
        var events = Read(Directory.GetFiles(folder.File("board")).Single());
        Assert.Equal("brain.Event:2", events[0].Version);
        Assert.Equal((1L, 1L), (events[1].Step, events[1].SessionStatus));
        Assert.Equal(Enumerable.Range(1, 12).Select(step => (long)step), events.Where(e => e.Values.ContainsKey("train/loss")).Select(e => e.Step));
        Assert.Equal(progress.Select(made => (float)made.LearningRate), Series(events, "train/learning_rate"));
        Assert.All(Series(events, "train/images_per_second"), rate => Assert.True(rate > 0));
        // The loss of an epoch is the mean of its steps.
        Assert.Equal(result.Summary.Curve.Select(epoch => (float)epoch.Loss), Series(events, "train/epoch_loss"));
        Assert.Equal(result.Summary.Curve[1].Loss, Series(events, "train/loss").Skip(6).Average(), 1e-5);
        Assert.Equal(result.Summary.Curve.Select(epoch => (float)epoch.ValidationTop1!), Series(events, "validation/accuracy"));
        Assert.Equal(result.Summary.Curve.Select(epoch => (float)epoch.ValidationLoss!), Series(events, "validation/loss"));
    }

    [Fact]
    public void A_resumed_run_writes_a_second_file_that_takes_over_at_its_first_step()
    {
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { TensorBoardFolder = folder.File("board"), CheckpointPath = folder.File("c") };
        var settings = Toy.Settings with { Epochs = 2 };
        using var stop = new CancellationTokenSource();
        var watch = new Recorder(e => { if (e is TrainingProgress { Done: 4 * 32 }) stop.Cancel(); });
        Assert.Throws<OperationCanceledException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options with { Events = watch, Cancellation = stop.Token }));
        TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options);
        var files = Directory.GetFiles(folder.File("board")).Order(StringComparer.Ordinal).Select(Read).ToArray();
        Assert.Equal(2, files.Length);
        var second = files.Single(file => file[1].Step != 1);
        Assert.Equal((5L, 1L), (second[1].Step, second[1].SessionStatus));
        Assert.Equal(Enumerable.Range(1, 12).Select(step => (long)step), files.SelectMany(file => file).Where(e => e.Values.ContainsKey("train/loss")).Select(e => e.Step).Order());
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_an_error_that_names_it()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("taken"), "");
        Assert.Contains("taken", Assert.Throws<PithException>(() => new EventFile(folder.File("taken"), 1)).Message);
    }

    private static IEnumerable<float> Series(IEnumerable<Event> events, string tag) => events.Where(e => e.Values.ContainsKey(tag)).Select(e => e.Values[tag]);

    private static List<Event> Read(string path)
    {
        using var file = File.OpenRead(path);
        var events = new List<Event>();
        foreach (var record in TfRecordFile.Records(file, path))
        {
            var content = TfRecordFile.Content(path, record);
            // The checksum bit by bit, as RFC 3720 defines it.
            var crc = uint.MaxValue;
            foreach (var b in content.Span)
            {
                crc ^= b;
                for (var bit = 0; bit < 8; bit++) crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0x82F63B78;
            }
            crc = ~crc;
            var stored = new byte[4];
            file.Position = record.Position + record.Length;
            file.ReadExactly(stored);
            Assert.Equal(((crc >> 15) | (crc << 17)) + 0xA282EAD8, BinaryPrimitives.ReadUInt32LittleEndian(stored));
            events.Add(Event.Parse(content.Span));
        }
        return events;
    }

    private sealed record Event(long Step, string? Version, long? SessionStatus, Dictionary<string, float> Values)
    {
        public static Event Parse(ReadOnlySpan<byte> bytes)
        {
            var parsed = new Event(0, null, null, []);
            foreach (var (field, number, content) in Fields(bytes))
                parsed = field switch
                {
                    1 => parsed,
                    2 => parsed with { Step = number },
                    3 => parsed with { Version = Encoding.UTF8.GetString(content) },
                    5 => parsed with { Values = Fields(content).Select(value => Fields(value.Content).ToArray()).ToDictionary(value => Encoding.UTF8.GetString(value[0].Content), value => BitConverter.Int32BitsToSingle((int)value[1].Number)) },
                    7 => parsed with { SessionStatus = Fields(content).Single().Number },
                    _ => throw new InvalidDataException($"field {field}"),
                };
            return parsed;
        }

        // Field number, its number (varint, fixed 32 and 64 bits), its bytes.
        private static List<(int Field, long Number, byte[] Content)> Fields(ReadOnlySpan<byte> bytes)
        {
            var fields = new List<(int, long, byte[])>();
            while (!bytes.IsEmpty)
            {
                var key = Varint(ref bytes);
                var (number, content) = (0L, Array.Empty<byte>());
                switch (key & 7)
                {
                    case 0: number = Varint(ref bytes); break;
                    case 1: number = BinaryPrimitives.ReadInt64LittleEndian(bytes); bytes = bytes[8..]; break;
                    case 2: var length = (int)Varint(ref bytes); content = bytes[..length].ToArray(); bytes = bytes[length..]; break;
                    case 5: number = BinaryPrimitives.ReadInt32LittleEndian(bytes); bytes = bytes[4..]; break;
                    default: throw new InvalidDataException($"wire type {key & 7}");
                }
                fields.Add(((int)(key >> 3), number, content));
            }
            return fields;
        }

        private static long Varint(ref ReadOnlySpan<byte> bytes)
        {
            var (value, shift) = (0L, 0);
            while (true)
            {
                var b = bytes[0];
                bytes = bytes[1..];
                value |= (long)(b & 0x7F) << shift;
                if (b < 0x80) return value;
                shift += 7;
            }
        }
    }
}
