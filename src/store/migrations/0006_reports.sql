-- The daily reports that were made: each local date has one, once and for all.

CREATE TABLE reports (
    date INTEGER PRIMARY KEY, -- yyyymmdd, local
    document TEXT NOT NULL    -- {}: none was made, and none is to be made of this day
) STRICT;
